//! A setting that cannot be meant, and the ranges that settings share.

/// Why a setting of an optimizer, a schedule or another part of a recipe was refused.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum SettingError {
    /// Outside its range, infinite or NaN.
    #[error("{setting} is {value}: it must be {range}")]
    Range {
        /// The setting's name; a slash parts it from the position within it.
        setting: &'static str,
        /// What it was set to.
        value: f64,
        /// What it can be.
        range: &'static str,
    },
    /// It does not go with another setting.
    #[error("{setting} needs {needs}")]
    Needs {
        /// The setting's name.
        setting: &'static str,
        /// What must hold for it to have a meaning.
        needs: &'static str,
    },
}

impl SettingError {
    /// The name of the setting.
    pub fn setting(&self) -> &'static str {
        match self {
            SettingError::Range { setting, .. } | SettingError::Needs { setting, .. } => setting,
        }
    }
}

/// A number above 0.
pub(super) fn positive(setting: &'static str, value: f64) -> Result<(), SettingError> {
    check(setting, value, "finite and above 0", value > 0.0)
}

/// A number of at least 0.
pub(super) fn not_negative(setting: &'static str, value: f64) -> Result<(), SettingError> {
    check(setting, value, "finite and at least 0", value >= 0.0)
}

/// A number in [0, 1).
pub(super) fn below_one(setting: &'static str, value: f64) -> Result<(), SettingError> {
    check(setting, value, "at least 0 and below 1", (0.0..1.0).contains(&value))
}

/// A finite number.
pub(super) fn finite(setting: &'static str, value: f64) -> Result<(), SettingError> {
    check(setting, value, "finite", true)
}

/// A count of at least 1.
pub(super) fn at_least_one(setting: &'static str, value: u64) -> Result<(), SettingError> {
    check(setting, value as f64, "at least 1", value > 0)
}

/// A finite number for which `holds` is true.
pub(super) fn check(
    setting: &'static str,
    value: f64,
    range: &'static str,
    holds: bool,
) -> Result<(), SettingError> {
    if value.is_finite() && holds { Ok(()) } else { Err(SettingError::Range { setting, value, range }) }
}
