//! The look for infinities and NaN, where a sweep refuses them.

use super::chunk::ChunkSums;
use super::evaluate::Sweep;
use super::finite::{NonFinite, Origin};
use super::lanes::Block;
use super::result::SweepError;
use crate::engine::tape::{Leaf, Place};

impl Sweep<'_> {
    pub(super) fn varying_outputs(&self) -> impl Iterator<Item = usize> + '_ {
        self.tape.outputs.iter().filter_map(|place| match place {
            Place::Varying(slot) => Some(*slot as usize),
            Place::Uniform(_) => None,
        })
    }

    pub(super) fn check_values(
        &self,
        block: &Block<'_>,
        first: usize,
        lanes: usize,
        sums: &mut ChunkSums,
    ) -> Result<(), SweepError> {
        let section = &self.tape.varying;
        for lane in 0..lanes {
            let value = |slot: usize| block.value(slot)[lane];
            let mut used = vec![false; section.slots()];
            self.varying_outputs().for_each(|slot| used[slot] = true);
            section.spread_use(&mut used, value);
            let at_sample = |found: NonFinite| NonFinite { sample: Some(first + lane), ..found };
            if let Some(found) = section.find_value(&used, value) {
                return Err(SweepError::NonFinite(Box::new(at_sample(found))));
            }
            sums.used.iter_mut().zip(&used).for_each(|(all, &here)| *all |= here);
            if sums.inherited.is_none() {
                let output = self.varying_outputs().find(|&slot| !value(slot).is_finite());
                sums.inherited =
                    output.map(|slot| at_sample(section.describe(slot, value(slot), Origin::Value, &value)));
            }
        }
        Ok(())
    }

    /// Looks at the wanted adjoints and at those of the first `gathering` slots.
    pub(super) fn check_adjoints(
        &self,
        block: &Block<'_>,
        gathering: usize,
        first: usize,
        lanes: usize,
    ) -> Result<(), SweepError> {
        let section = &self.tape.varying;
        let wanted = self.wanted_adjoints.iter().map(|&slot| slot as usize);
        if (0..gathering).chain(wanted).all(|slot| block.adjoint_is_finite(section, slot)) {
            return Ok(());
        }
        let found = (0..lanes).find_map(|lane| {
            let adjoint = |slot| block.adjoint(section, slot)[lane];
            let found = section.find_adjoint(|slot| block.value(slot)[lane], adjoint)?;
            Some(NonFinite { sample: Some(first + lane), ..found })
        });
        match found {
            Some(found) => Err(SweepError::NonFinite(Box::new(found))),
            // A sum over samples overflowed: the uniform part below will say so.
            None => Ok(()),
        }
    }

    pub(super) fn check_uniform_values(&self, sums: &ChunkSums) -> Result<(), SweepError> {
        if !self.refuse {
            return Ok(());
        }
        let section = &self.tape.uniform;
        let value = |slot: usize| self.point.values[slot];
        let outputs = self.tape.outputs.iter().filter_map(|place| match place {
            Place::Uniform(slot) => Some(*slot as usize),
            Place::Varying(_) => None,
        });
        let mut found = None;
        if !self.uniform_is_finite {
            let mut used = vec![false; section.slots()];
            outputs.clone().for_each(|slot| used[slot] = true);
            for (leaf, _) in self.tape.varying.leaves.iter().zip(&sums.used).filter(|(_, used)| **used) {
                if let Leaf::Uniform(slot) = leaf {
                    used[*slot as usize] = true;
                }
            }
            section.spread_use(&mut used, value);
            found = section.find_value(&used, value);
        }
        let found = found
            .or_else(|| {
                let slot = outputs.clone().find(|&slot| !value(slot).is_finite())?;
                Some(section.describe(slot, value(slot), Origin::Value, &value))
            })
            .or_else(|| sums.inherited.clone());
        found.map_or(Ok(()), |found| Err(SweepError::NonFinite(Box::new(found))))
    }

    pub(super) fn check_uniform_adjoints(&self) -> Result<(), SweepError> {
        let section = &self.tape.uniform;
        let wanted = self.tape.inputs.iter().zip(&self.tape.roles).filter(|(_, role)| role.wanted);
        let bad = wanted
            .filter_map(|(place, _)| match place {
                Some(Place::Uniform(slot)) => Some(*slot as usize),
                _ => None,
            })
            .find(|&slot| !self.point.adjoints[slot].is_finite());
        let Some(slot) = bad else { return Ok(()) };
        let value = |slot: usize| self.point.values[slot];
        let adjoint = |slot: usize| self.point.adjoints[slot];
        let found = section
            .find_adjoint(value, adjoint)
            .unwrap_or_else(|| section.describe(slot, adjoint(slot), Origin::Adjoint, &value));
        Err(SweepError::NonFinite(Box::new(found)))
    }
}
