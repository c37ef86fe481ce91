//! Objects of which exactly one member is given: `{"adam": {...}}`.

use super::faults::{Faults, quote};
use super::problem::Problem;

/// The one member that is there; otherwise a problem at `place`. `members` are names with what was given; `what` is what
/// they are, in the plural.
pub(super) fn one_of<T>(
    place: &str,
    what: &str,
    members: Vec<(&'static str, Option<T>)>,
) -> Result<(&'static str, T), Problem> {
    let names: Vec<String> = members.iter().map(|(name, _)| quote(name)).collect();
    let mut given: Vec<(&str, T)> =
        members.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
    match given.len() {
        1 => Ok(given.remove(0)),
        0 => Err(Problem::at(
            place,
            format!("None of the {what} is given here; give exactly one of {}.", names.join(", ")),
        )),
        count => {
            let mut faults = Faults::default();
            for (name, _) in given {
                faults.add(
                    || format!("{place}/{name}"),
                    || format!("One of {count} {what}; give exactly one."),
                );
            }
            Err(faults.into_result().expect_err("faults were added"))
        }
    }
}
