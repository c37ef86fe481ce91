//! The Hessian of one output: its gradient differentiated once more.

use super::jacobian::{group_of, take, zero_like};
use super::pattern::Pattern;
use super::{reach, spread};
use crate::engine::sweep::{Direction, Directional};
use crate::engine::tape::Place;
use crate::engine::{
    Binding, Column, CompileOptions, Graph, Interrupt, Interrupted, NodeId, NonFinitePolicy, Role,
    SweepError, Tape,
};

/// A Hessian that is about to be computed.
#[derive(Debug)]
pub struct HessianPlan {
    wanted: Vec<usize>,
    roles: Vec<Role>,
    tape: Tape,
    /// Whether the output depends on samples.
    varies: bool,
    pattern: Pattern,
    /// Columns that share a direction.
    groups: Vec<Vec<u32>>,
}

/// An output with its first and second derivatives.
#[derive(Clone, Debug, PartialEq)]
pub struct Hessian {
    /// The output.
    pub output: Column,
    /// Its derivative with respect to each wanted input, of the output's form: a number, or one per sample.
    pub gradient: Vec<Column>,
    /// Which entries there are: the same for rows and columns, which are the wanted inputs.
    pub pattern: Pattern,
    /// Those on the diagonal and above it, in the order of the pattern, of the output's form. What is below the diagonal is
    /// what is above it, to the bit.
    upper: Vec<Vec<Column>>,
}

impl Hessian {
    /// The second derivative with respect to the wanted inputs at two positions; `None` where it is zero everywhere.
    pub fn get(&self, first: usize, second: usize) -> Option<&Column> {
        let (row, column) = (first.min(second), first.max(second));
        let below = self.pattern.row(row).partition_point(|&other| (other as usize) < row);
        self.pattern.position(row, column).map(|position| &self.upper[row][position - below])
    }

    /// The same, with zeros written out.
    pub fn entry(&self, first: usize, second: usize) -> Column {
        self.get(first, second).cloned().unwrap_or_else(|| zero_like(&self.output))
    }
}

/// The Hessian of `output` with respect to the inputs `wanted`, at `bindings`. Results that are not finite are refused.
pub fn hessian(
    graph: &Graph,
    output: NodeId,
    bindings: &[Binding<'_>],
    wanted: &[usize],
    interrupt: &Interrupt,
) -> Result<Hessian, SweepError> {
    let plan = HessianPlan::new::<SweepError>(graph, output, bindings, wanted, |_| Ok(()), interrupt)?;
    plan.run(bindings, NonFinitePolicy::Refuse, interrupt)
}

impl HessianPlan {
    /// Finds out which entries there are and in which directions to go. `grow` is told of so many more entries before they
    /// are kept, and may refuse.
    pub fn new<E: From<Interrupted>>(
        graph: &Graph,
        output: NodeId,
        bindings: &[Binding<'_>],
        wanted: &[usize],
        grow: impl FnMut(usize) -> Result<(), E>,
        interrupt: &Interrupt,
    ) -> Result<Self, E> {
        let mut roles = spread::roles(bindings, wanted);
        let varies = spread::varies(graph, &[output], &roles)[0];
        if varies {
            spread::spread_roles(&mut roles);
        }
        let tape = Tape::compile_until(graph, &[output], &roles, CompileOptions::SECOND, interrupt)?;
        // All that moves is in one section: with samples every wanted input has some, without them none has.
        let section = if varies { &tape.varying } else { &tape.uniform };
        let slot = |place: Option<Place>| match place {
            Some(Place::Varying(slot)) if varies => Some(slot as usize),
            Some(Place::Uniform(slot)) if !varies => Some(slot as usize),
            _ => None,
        };
        let outputs: Vec<usize> = tape.outputs.iter().filter_map(|&place| slot(Some(place))).collect();
        let slots: Vec<Option<usize>> = wanted.iter().map(|&input| slot(tape.inputs[input])).collect();
        let pattern = reach::hessian(section, &outputs, &slots, grow, interrupt)?;
        let groups = pattern.groups(interrupt)?;
        Ok(Self { wanted: wanted.to_vec(), roles, varies, pattern, groups, tape })
    }

    /// In how many directions the gradient will be differentiated.
    pub fn directions(&self) -> usize {
        self.groups.len()
    }

    /// Which entries there are.
    pub fn pattern(&self) -> &Pattern {
        &self.pattern
    }

    /// The Hessian at `bindings`, of the same forms as those it was planned for.
    pub fn run(
        self,
        bindings: &[Binding<'_>],
        non_finite: NonFinitePolicy,
        interrupt: &Interrupt,
    ) -> Result<Hessian, SweepError> {
        let samples = spread::samples(bindings)?.unwrap_or(1);
        let columns = spread::columns(bindings, &self.roles, samples);
        let bindings = spread::bind(bindings, &columns);
        let mut swept = self.tape.vjp(&bindings, &[Binding::Number(1.0)], non_finite, interrupt)?;
        let in_form = |column: Column| spread::in_form(column, self.varies, samples);
        let output = in_form(swept.outputs.remove(0));
        let mut gradient_of =
            |&input: &usize| in_form(swept.gradients[input].take().expect("it is wanted, and once"));
        let gradient = self.wanted.iter().map(&mut gradient_of).collect();

        // An output without samples counts once.
        let samples = if self.varies { samples } else { 1 };
        let moving = Directional::new(&self.tape, &bindings, samples, Some(1.0), non_finite, interrupt);
        let unit = |&column: &u32| (self.wanted[column as usize], Binding::Number(1.0));
        let directions: Vec<Direction<'_>> =
            self.groups.iter().map(|group| group.iter().map(unit).collect()).collect();
        let mut moved = moving.run(&directions)?;

        // Moved gradients come in the order of the inputs, of those that are wanted.
        let mut in_order = self.wanted.clone();
        in_order.sort_unstable();
        let group_of = group_of(&self.groups, self.wanted.len());
        let row = |row: usize| {
            let position = in_order.binary_search(&self.wanted[row]).expect("it is one of them");
            let columns = self.pattern.row(row).iter().filter(|&&column| column as usize >= row);
            let entry = |&column: &u32| take(&mut moved[group_of[column as usize]].gradients[position]);
            columns.map(entry).map(in_form).collect()
        };
        let upper = (0..self.wanted.len()).map(row).collect();
        Ok(Hessian { output, gradient, pattern: self.pattern, upper })
    }
}
