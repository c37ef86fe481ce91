//! The Jacobian: every output differentiated for every input.

use super::pattern::Pattern;
use super::{reach, spread};
use crate::engine::sweep::{Direction, Directional};
use crate::engine::{
    Binding, Column, CompileOptions, Graph, Interrupt, Interrupted, NodeId, NonFinitePolicy, SweepError, Tape,
};

/// How much more a reverse sweep takes than a direction of a forward sweep.
const REVERSE: usize = 2;

/// A Jacobian that is about to be computed.
#[derive(Debug)]
pub struct JacobianPlan<'g> {
    graph: &'g Graph,
    outputs: Vec<NodeId>,
    wanted: Vec<usize>,
    tape: Tape,
    pattern: Pattern,
    /// Columns that share a direction, or rows that share a reverse sweep.
    groups: Vec<Vec<u32>>,
    forward: bool,
}

/// Outputs and their derivatives.
#[derive(Clone, Debug, PartialEq)]
pub struct Jacobian {
    /// One per output.
    pub outputs: Vec<Column>,
    /// Which entries there are: a row for each output, a column for each wanted input.
    pub pattern: Pattern,
    /// They are of the form of their output, a number or one per sample, in the order of the pattern.
    pub entries: Vec<Vec<Column>>,
}

impl Jacobian {
    /// The derivative of an output with respect to the wanted input at a position; `None` where it is zero everywhere.
    pub fn get(&self, output: usize, input: usize) -> Option<&Column> {
        self.pattern.position(output, input).map(|position| &self.entries[output][position])
    }

    /// The same, with zeros written out.
    pub fn entry(&self, output: usize, input: usize) -> Column {
        self.get(output, input).cloned().unwrap_or_else(|| zero_like(&self.outputs[output]))
    }
}

/// The Jacobian of `outputs` with respect to the inputs `wanted`, at `bindings`. Results that are not finite are refused.
pub fn jacobian(
    graph: &Graph,
    outputs: &[NodeId],
    bindings: &[Binding<'_>],
    wanted: &[usize],
    interrupt: &Interrupt,
) -> Result<Jacobian, SweepError> {
    let plan = JacobianPlan::new::<SweepError>(graph, outputs, bindings, wanted, |_| Ok(()), interrupt)?;
    plan.run(bindings, NonFinitePolicy::Refuse, interrupt)
}

impl<'g> JacobianPlan<'g> {
    /// Finds out which entries there are, and whether to go forward, some inputs at a time, or back, some outputs at a time:
    /// whichever takes less. `grow` is told of so many more entries before they are kept, and may refuse.
    pub fn new<E: From<Interrupted>>(
        graph: &'g Graph,
        outputs: &[NodeId],
        bindings: &[Binding<'_>],
        wanted: &[usize],
        grow: impl FnMut(usize) -> Result<(), E>,
        interrupt: &Interrupt,
    ) -> Result<Self, E> {
        let roles = spread::roles(bindings, wanted);
        let tape = Tape::compile_until(graph, outputs, &roles, CompileOptions::default(), interrupt)?;
        let pattern = reach::jacobian(&tape, wanted, grow, interrupt)?;
        let columns = pattern.groups(interrupt)?;
        let rows = pattern.transposed().groups(interrupt)?;
        let forward = columns.len() <= REVERSE * rows.len();
        let groups = if forward { columns } else { rows };
        Ok(Self { graph, outputs: outputs.to_vec(), wanted: wanted.to_vec(), tape, pattern, groups, forward })
    }

    /// How many sweeps it will take: directions forward, or reverse sweeps.
    pub fn sweeps(&self) -> usize {
        self.groups.len()
    }

    /// Whether it goes forward.
    pub fn is_forward(&self) -> bool {
        self.forward
    }

    /// Which entries there are.
    pub fn pattern(&self) -> &Pattern {
        &self.pattern
    }

    /// The Jacobian at `bindings`, of the same forms as those it was planned for.
    pub fn run(
        self,
        bindings: &[Binding<'_>],
        non_finite: NonFinitePolicy,
        interrupt: &Interrupt,
    ) -> Result<Jacobian, SweepError> {
        let outputs = self.tape.evaluate(bindings, non_finite, interrupt)?;
        let entries = if self.forward {
            self.run_forward(bindings, non_finite, interrupt)?
        } else {
            self.run_back(bindings, &outputs, non_finite, interrupt)?
        };
        Ok(Jacobian { outputs, pattern: self.pattern, entries })
    }

    fn run_forward(
        &self,
        bindings: &[Binding<'_>],
        non_finite: NonFinitePolicy,
        interrupt: &Interrupt,
    ) -> Result<Vec<Vec<Column>>, SweepError> {
        let samples = spread::samples(bindings)?.unwrap_or(1);
        let moving = Directional::new(&self.tape, bindings, samples, None, non_finite, interrupt);
        let unit = |&column: &u32| (self.wanted[column as usize], Binding::Number(1.0));
        let directions: Vec<Direction<'_>> =
            self.groups.iter().map(|group| group.iter().map(unit).collect()).collect();
        let mut moved = moving.run(&directions)?;
        let group_of = group_of(&self.groups, self.pattern.columns());
        let row = |row: usize| {
            let columns = self.pattern.row(row).iter();
            columns.map(|&column| take(&mut moved[group_of[column as usize]].outputs[row])).collect()
        };
        Ok((0..self.pattern.rows()).map(row).collect())
    }

    /// Numbers beside arrays count as arrays: what a reverse sweep adds up over samples is wanted for each.
    fn run_back(
        &self,
        bindings: &[Binding<'_>],
        outputs: &[Column],
        non_finite: NonFinitePolicy,
        interrupt: &Interrupt,
    ) -> Result<Vec<Vec<Column>>, SweepError> {
        let mut roles = self.tape.roles.clone();
        let samples = spread::samples(bindings)?;
        if samples.is_some() {
            spread::spread_roles(&mut roles);
        }
        let options = CompileOptions::default();
        let tape = Tape::compile_until(self.graph, &self.outputs, &roles, options, interrupt)?;
        let samples = samples.unwrap_or(1);
        let columns = spread::columns(bindings, &roles, samples);
        let bindings = spread::bind(bindings, &columns);
        let mut entries: Vec<Vec<Column>> = vec![Vec::new(); self.pattern.rows()];
        for group in &self.groups {
            let mut cotangents = vec![Binding::Number(0.0); self.outputs.len()];
            group.iter().for_each(|&row| cotangents[row as usize] = Binding::Number(1.0));
            let mut swept = tape.vjp(&bindings, &cotangents, non_finite, interrupt)?;
            for &row in group {
                let row = row as usize;
                let varies = matches!(outputs[row], Column::Samples(_));
                let entry = |&column: &u32| {
                    let gradient = swept.gradients[self.wanted[column as usize]].as_mut();
                    spread::in_form(take(gradient.expect("it is wanted")), varies, samples)
                };
                entries[row] = self.pattern.row(row).iter().map(entry).collect();
            }
        }
        Ok(entries)
    }
}

/// Zero in the form of `column`.
pub(super) fn zero_like(column: &Column) -> Column {
    match column {
        Column::Number(_) => Column::Number(0.0),
        Column::Samples(samples) => Column::Samples(vec![0.0; samples.len()]),
    }
}

/// The group of each member.
pub(super) fn group_of(groups: &[Vec<u32>], members: usize) -> Vec<usize> {
    let mut group_of = vec![0; members];
    for (group, of_group) in groups.iter().enumerate() {
        of_group.iter().for_each(|&member| group_of[member as usize] = group);
    }
    group_of
}

/// The column, which nobody asks for again.
pub(super) fn take(column: &mut Column) -> Column {
    std::mem::replace(column, Column::Number(0.0))
}
