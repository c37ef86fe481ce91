//! Random programs of the language: written as text, parsed and differentiated, against a naive evaluation of the same tree
//! with dual numbers. And texts that are almost programs, whose faults must have a place within them.

mod generator;
mod naive;
mod tree;

use gradd::engine::{
    Binding, Column, CompileOptions, GradientOptions, Interrupt, ParseError, ParseErrorKind, ParseLimits,
    Role, Tape, parse,
};
use proptest::prelude::*;

use generator::program;
use naive::Evaluation;

const LIMITS: ParseLimits = ParseLimits { max_nodes: 20_000, max_nesting: 60 };
/// The inputs that programs may use, and where they are.
const INPUTS: [(&str, f64); 6] =
    [("x", 0.7123), ("y", -1.3371), ("z", 0.4519), ("w[0]", 0.9171), ("w[1]", -0.6283), ("w[2]", 1.1347)];
/// Beyond this nothing is compared: rounding has grown with the values.
const LARGEST: f64 = 1e4;

fn number(column: &Column) -> f64 {
    match column {
        Column::Number(number) => *number,
        Column::Samples(_) => panic!("a number, not samples"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn programs_mean_what_their_trees_mean(choices in prop::collection::vec(any::<u16>(), 1..120)) {
        let program = program(&choices);
        let text = program.to_string();
        let parsed = match parse(&text, [], LIMITS) {
            Ok(parsed) => parsed,
            // Loops within functions within loops.
            Err(ParseError { kind: ParseErrorKind::Nodes { .. }, .. }) => return Ok(()),
            Err(error) => return Err(TestCaseError::fail(format!("{text}\n{error}\n{}", error.excerpt))),
        };
        let at = |name: &str| INPUTS.iter().find(|(known, _)| *known == name).expect("an input of programs").1;
        let names: Vec<&str> = parsed.graph.inputs().iter().map(|(name, _)| &**name).collect();
        let bindings: Vec<Binding<'_>> = names.iter().map(|name| Binding::Number(at(name))).collect();
        let roles = vec![Role::NUMBER; names.len()];
        let tape = Tape::compile(&parsed.graph, &[parsed.output.1], &roles, CompileOptions::default());
        let found = tape.gradient(&bindings, GradientOptions::default(), &Interrupt::never());
        for (name, _) in INPUTS {
            let Evaluation { value, derivative, largest } = naive::evaluate(&program, &INPUTS, name);
            if largest > LARGEST {
                continue;
            }
            let found = match &found {
                Ok(found) => found,
                Err(error) => return Err(TestCaseError::fail(format!("{text}\n{error}"))),
            };
            let tolerance = 1e-10 * (1.0 + largest * largest);
            let output = number(&found.outputs[0]);
            prop_assert!((output - value).abs() <= tolerance, "{text}\nis {output}, not {value}");
            // An input that nothing uses is none.
            let position = names.iter().position(|known| *known == name);
            let gradient = position.map_or(0.0, |i| number(found.gradients[i].as_ref().expect("wanted")));
            prop_assert!(
                (gradient - derivative).abs() <= tolerance,
                "{text}\nhas the derivative {gradient} for {name}, not {derivative}"
            );
        }
    }

    #[test]
    fn a_fault_lies_within_its_line(text in almost_a_program()) {
        let limits = ParseLimits { max_nodes: 2_000, max_nesting: 12 };
        if let Err(error) = parse(&text, ["x"], limits) {
            let line = text.split('\n').nth(error.line - 1);
            prop_assert!(line.is_some(), "{text:?}: line {}", error.line);
            // Behind the last character where something is missing.
            let columns = line.expect("was looked at").chars().count() + 1;
            prop_assert!((1..=columns).contains(&error.column), "{text:?}: column {} of {columns}", error.column);
            prop_assert!(!error.to_string().is_empty() && error.excerpt.ends_with('^'), "{text:?}");
        }
    }
}

/// Tokens in any order, or a program of which a part was put elsewhere.
fn almost_a_program() -> impl Strategy<Value = String> {
    let token = prop::sample::select(TOKENS);
    let tokens = prop::collection::vec(token, 0..40).prop_map(|tokens| tokens.concat());
    let choices = prop::collection::vec(any::<u16>(), 1..60);
    let moved = (choices, any::<[prop::sample::Index; 3]>()).prop_map(|(choices, places)| {
        let mut characters: Vec<char> = program(&choices).to_string().chars().collect();
        let [from, length, to] = places;
        let from = from.index(characters.len());
        let length = length.index((characters.len() - from).min(9) + 1);
        let part: Vec<char> = characters.drain(from..from + length).collect();
        let to = to.index(characters.len() + 1);
        characters.splice(to..to, part);
        characters.into_iter().collect()
    });
    prop_oneof![tokens, moved]
}

const TOKENS: &[&str] = &[
    "x",
    "y",
    "f",
    "äöü",
    "变量",
    "_",
    "e",
    "pi",
    "inf",
    "for",
    "in",
    "range",
    "len",
    "sum",
    "max",
    "dot",
    "tanh",
    "where",
    "logsumexp",
    "0",
    "1",
    "2.5",
    "1e3",
    ".5",
    "1e",
    "9007199254740993",
    "+",
    "-",
    "*",
    "/",
    "**",
    "^",
    "<",
    "<=",
    ">",
    "==",
    "!=",
    "!",
    "=",
    "(",
    "(",
    ")",
    ")",
    "[",
    "[",
    "]",
    "]",
    ",",
    ";",
    "\n",
    " ",
    "\t",
    "# note\n",
    "€",
];

/// The generator reaches all of the language, and most of what it makes is compared.
#[test]
fn programs_use_the_whole_language() {
    let mut state = 1u64;
    let mut choose = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 48) as u16
    };
    let programs: Vec<_> = (0..1000).map(|_| program(&[(); 80].map(|()| choose()))).collect();
    let texts: Vec<String> = programs.iter().map(ToString::to_string).collect();
    for part in [
        "for i",
        "for j",
        "range(1, ",
        "len(",
        "f1(",
        "[-",
        " - i]",
        "^2^1",
        "-",
        "/",
        "where(",
        "dot(",
        "logsumexp(",
    ] {
        let count = texts.iter().filter(|text| text.contains(part)).count();
        assert!(count >= 20, "{count} programs with {part}");
    }
    let compared =
        programs.iter().filter(|program| naive::evaluate(program, &INPUTS, "x").largest <= LARGEST).count();
    assert!(compared >= 800, "{compared} of 1000");
    let moving =
        programs.iter().filter(|program| naive::evaluate(program, &INPUTS, "x").derivative != 0.0).count();
    assert!(moving >= 300, "{moving} of 1000 depend on x");
}
