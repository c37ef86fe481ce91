//! Expressions as text: Python's arithmetic, names, constants, and faults with their place.

use gradd::engine::{
    Binding, Column, CompileOptions, Interrupt, NonFinitePolicy, ParseError, ParseErrorKind, ParseLimits,
    Program, Role, Tape, parse,
};

const LIMITS: ParseLimits = ParseLimits { max_nodes: 10_000, max_nesting: 100 };

fn value_at(source: &str, inputs: &[(&str, f64)]) -> f64 {
    let program = parse(source, inputs.iter().map(|(name, _)| *name), LIMITS)
        .unwrap_or_else(|e| panic!("{e}\n{}", e.excerpt));
    evaluate(&program, inputs)
}

fn evaluate(program: &Program, inputs: &[(&str, f64)]) -> f64 {
    let given =
        |name: &str| inputs.iter().find(|(n, _)| *n == name).unwrap_or_else(|| panic!("no input {name}")).1;
    let bindings: Vec<Binding<'_>> =
        program.graph.inputs().iter().map(|(name, _)| Binding::Number(given(name))).collect();
    let roles = vec![Role::NUMBER; bindings.len()];
    let tape = Tape::compile(&program.graph, &[program.output.1], &roles, CompileOptions::default());
    match tape.evaluate(&bindings, NonFinitePolicy::Allow, &Interrupt::never()).expect("allowed")[..] {
        [Column::Number(number)] => number,
        ref other => panic!("{other:?}"),
    }
}

fn fault(source: &str) -> ParseError {
    parse(source, [], LIMITS).expect_err(source)
}

#[test]
fn precedence_is_pythons() {
    for (source, expected) in [
        ("1 + 2 * 3", 7.0),
        ("(1 + 2) * 3", 9.0),
        ("-2 ** 2", -4.0),
        ("-2^2", -4.0),
        ("2 ** -1", 0.5),
        ("2 ** 3 ** 2", 512.0),
        ("2 ** -3 ** 2", 2f64.powi(-9)),
        ("7 - 2 - 1", 4.0),
        ("8 / 4 / 2", 1.0),
        ("8 / 4 * 2", 4.0),
        ("-3 * -2", 6.0),
        ("- - 3", 3.0),
        ("+3", 3.0),
        ("1 + 1 < 3", 1.0),
        ("3 < 1 + 1", 0.0),
        ("(2 == 2) + (1 != 1)", 1.0),
        ("1e3 + .5 + 2. + 1E-1", 1002.6),
        ("max(1, 2) + min(3, 4) * 2", 8.0),
        ("where(1 > 2, 10, 20)", 20.0),
        ("if(1 < 2, 10, 20)", 10.0),
        ("sum(1, 2, 3) + mean(1, 3) + dot(1, 2, 3, 4)", 6.0 + 2.0 + 11.0),
        ("ln(e) + log(e)", 2.0),
    ] {
        assert_eq!(value_at(source, &[]), expected, "{source}");
    }
}

#[test]
fn statements_name_values_and_the_last_is_the_output() {
    let source = "n = x1*w1 + x2*w2 + b   # the lecture's neuron\n\ne = exp(2*n); o = (e - 1)/(e + 1)";
    let program = parse(source, [], LIMITS).expect("the lecture's decomposition");
    assert_eq!(program.output.0, "o");
    let inputs: Vec<&str> = program.graph.inputs().iter().map(|(name, _)| &**name).collect();
    assert_eq!(inputs, ["x1", "w1", "x2", "w2", "b"]);
    assert_eq!(program.graph.label(program.names["n"]), Some("n"));
    let at = [("x1", 2.0), ("w1", -3.0), ("x2", 0.0), ("w2", 1.0), ("b", 6.881_373_587_019_543)];
    assert!((evaluate(&program, &at) - std::f64::consts::FRAC_1_SQRT_2).abs() < 1e-12);
    assert_eq!(parse("x + 1", [], LIMITS).expect("one statement").output.0, "output");
}

#[test]
fn a_name_may_be_assigned_again() {
    assert_eq!(value_at("a = x; a = a * a; a = a + 1; a", &[("x", 3.0)]), 10.0);
}

#[test]
fn constants_stand_back_behind_names_and_inputs() {
    assert_eq!(value_at("pi + tau", &[]), 3.0 * std::f64::consts::PI);
    assert_eq!(value_at("min(inf, 3)", &[]), 3.0);
    assert_eq!(value_at("e = 2; e * e", &[]), 4.0);
    assert_eq!(value_at("e + 1", &[("e", 5.0)]), 6.0);
    assert_eq!(value_at("θ * 2", &[("θ", 5.0)]), 10.0);
}

#[test]
fn a_line_may_break_inside_brackets() {
    assert_eq!(value_at("a = max(1,\n  2)\na + (1\n+ 2)", &[]), 5.0);
}

#[test]
fn faults_name_line_column_and_remedy() {
    for (source, line, column, says) in [
        ("", 1, 1, "empty"),
        ("  # nothing\n", 2, 1, "empty"),
        ("x +", 1, 4, "expected a number, a name or `(`, found the end"),
        ("tanh(x1*w1 + )", 1, 14, "found `)`"),
        ("a = 1\nb = (a + 2", 2, 5, "never closed"),
        ("a + 2)", 1, 6, "closes no bracket"),
        ("2x", 1, 2, "did you mean 2*x?"),
        ("2(x + 1)", 1, 2, "did you mean 2*(...)?"),
        ("x y", 1, 3, "did you mean x*y?"),
        ("tahn(x)", 1, 1, "did you mean tanh?"),
        ("foo(x)", 1, 1, "there is no function `foo`"),
        ("tanh x", 1, 6, "as in tanh(x)"),
        ("x(2)", 1, 1, "there is no function `x`"),
        ("y = 1; y(2)", 1, 8, "`y` is a value, not a function"),
        ("max(1)", 1, 1, "max takes 2 operands, not 1"),
        ("tanh(1, 2)", 1, 1, "tanh takes 1 operand, not 2"),
        ("tanh()", 1, 6, "tanh(x)"),
        ("dot(1, 2, 3)", 1, 1, "even number"),
        ("1, 2", 1, 2, "comma"),
        ("(1, 2)", 1, 3, "comma"),
        ("1 < x < 2", 1, 7, "chained"),
        ("x = = 2", 1, 5, "found `=`"),
        ("2 = x", 1, 3, "only a name can be assigned"),
        ("x * * 2", 1, 5, "power is written **"),
        ("x // 2", 1, 4, "integer division"),
        ("x % 2", 1, 3, "no remainder"),
        ("[1, 2]", 1, 1, "round brackets"),
        ("1e999", 1, 1, "too large"),
        ("x + 1\ny = 2", 1, 1, "only the last statement"),
        ("x @ y", 1, 3, "unexpected character `@`"),
        ("0 . 5", 1, 3, "digit beside its point"),
    ] {
        let fault = fault(source);
        assert_eq!((fault.line, fault.column), (line, column), "{source:?}: {fault}");
        assert!(fault.to_string().contains(says), "{source:?}: {fault}");
    }
}

#[test]
fn the_excerpt_points_at_the_fault() {
    assert_eq!(fault("a = 1\nb = a + * 2").excerpt, "b = a + * 2\n        ^");
    let long = format!("{} $ {}", "x + ".repeat(100), "y".repeat(1000));
    let excerpt = fault(&long).excerpt;
    let (text, caret) = excerpt.split_once('\n').expect("two lines");
    assert!(text.len() <= 80);
    assert_eq!(text.as_bytes()[caret.len() - 1], b'$');
}

#[test]
fn limits_are_kept() {
    let deep = format!("{}1{}", "(".repeat(101), ")".repeat(101));
    assert_eq!(fault(&deep).kind, ParseErrorKind::Nesting { limit: 100 });
    let wide = "1+".repeat(10_000) + "1";
    assert_eq!(fault(&wide).kind, ParseErrorKind::Nodes { limit: 10_000 });
    // Unary minus nests without brackets, on the heap.
    assert_eq!(value_at(&("-".repeat(9_000) + "1"), &[]), 1.0);
}

#[test]
fn a_million_characters_parse() {
    let source = "x+".repeat(500_000) + "x";
    let program = parse(&source, [], ParseLimits { max_nodes: 1_000_000, ..LIMITS }).expect("a long sum");
    assert_eq!(evaluate(&program, &[("x", 2.0)]), 1_000_002.0);
}
