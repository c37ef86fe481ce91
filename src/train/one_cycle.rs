//! The one-cycle schedule, as `torch.optim.lr_scheduler.OneCycleLR` does it.

use super::setting::{SettingError, check, positive};

/// How a rate moves from one level to the next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Anneal {
    /// Along half a cosine wave.
    #[default]
    Cos,
    /// Along a line.
    Linear,
}

impl Anneal {
    /// Both, under their names.
    pub const ALL: [(&'static str, Anneal); 2] = [("cos", Anneal::Cos), ("linear", Anneal::Linear)];

    fn between(self, start: f64, end: f64, part: f64) -> f64 {
        match self {
            Anneal::Cos => end + (start - end) / 2.0 * (libm::cos(std::f64::consts::PI * part) + 1.0),
            Anneal::Linear => (end - start) * part + start,
        }
    }
}

/// Settings of the one-cycle schedule (Smith and Topin 2019); names, defaults and formulas of `OneCycleLR`.
///
/// The rate goes from `max_lr / div_factor` up to `max_lr` within the first `pct_start` of `total_steps`, then down to the
/// initial rate divided by `final_div_factor`; with `three_phase` it first goes down as long as it went up. The momentum
/// moves against it, between `max_momentum` and `base_momentum`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OneCycle {
    /// The peak of the learning rate; the optimizer's own rate has no effect.
    pub max_lr: f64,
    /// Steps of the cycle.
    pub total_steps: u64,
    /// Which part of the cycle rises.
    pub pct_start: f64,
    /// The shape of rise and fall.
    pub anneal_strategy: Anneal,
    /// Whether the momentum, or the first of the betas, is cycled too.
    pub cycle_momentum: bool,
    /// The momentum at the peak.
    pub base_momentum: f64,
    /// The momentum at both ends.
    pub max_momentum: f64,
    /// The peak over the first rate.
    pub div_factor: f64,
    /// The first rate over the last.
    pub final_div_factor: f64,
    /// Whether the way down takes two phases, the first as long as the rise.
    pub three_phase: bool,
}

impl OneCycle {
    /// PyTorch's defaults.
    pub fn new(max_lr: f64, total_steps: u64) -> Self {
        Self {
            max_lr,
            total_steps,
            pct_start: 0.3,
            anneal_strategy: Anneal::Cos,
            cycle_momentum: true,
            base_momentum: 0.85,
            max_momentum: 0.95,
            div_factor: 25.0,
            final_div_factor: 1e4,
            three_phase: false,
        }
    }

    pub(super) fn check(&self) -> Result<(), SettingError> {
        positive("max_lr", self.max_lr)?;
        // A phase of no length would divide by 0, as it does in PyTorch.
        let rise = self.pct_start * self.total_steps as f64 - 1.0;
        let before_last = if self.three_phase { 2.0 * rise } else { rise };
        positive("pct_start", self.pct_start)?;
        if rise <= 0.0 || before_last >= self.total_steps as f64 - 1.0 {
            let needs =
                "phases of at least one step each; raise total_steps, or move pct_start towards the middle";
            return Err(SettingError::Needs { setting: "total_steps", needs });
        }
        let momentum =
            |setting, value: f64| check(setting, value, "above 0 and below 1", value > 0.0 && value < 1.0);
        momentum("base_momentum", self.base_momentum)?;
        momentum("max_momentum", self.max_momentum)?;
        positive("div_factor", self.div_factor)?;
        positive("final_div_factor", self.final_div_factor)
    }

    /// Learning rate and momentum at step `k` of the cycle, from 0.
    pub(super) fn at(&self, k: u64) -> (f64, Option<f64>) {
        let initial = self.max_lr / self.div_factor;
        let last = initial / self.final_div_factor;
        let (high, low) = (self.max_momentum, self.base_momentum);
        let rise = self.pct_start * self.total_steps as f64 - 1.0;
        let fall = 2.0 * self.pct_start * self.total_steps as f64 - 2.0;
        let (k, end) = (k as f64, self.total_steps as f64 - 1.0);
        let (start, end, rates, momenta) = if k <= rise {
            (0.0, rise, (initial, self.max_lr), (high, low))
        } else if !self.three_phase {
            (rise, end, (self.max_lr, last), (low, high))
        } else if k <= fall {
            (rise, fall, (self.max_lr, initial), (low, high))
        } else {
            (fall, end, (initial, last), (high, high))
        };
        let part = (k - start) / (end - start);
        let between = |(start, end)| self.anneal_strategy.between(start, end, part);
        (between(rates), self.cycle_momentum.then(|| between(momenta)))
    }
}
