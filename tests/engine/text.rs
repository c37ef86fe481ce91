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
        ("hypot(1)", 1, 1, "hypot takes 2 operands, not 1"),
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
        ("{1, 2}", 1, 1, "round brackets"),
        ("[1, 2]", 1, 1, "end with one number"),
        ("[]", 1, 2, "found `]`"),
        ("v = [1, 2", 1, 5, "never closed; add `]`"),
        ("v = [1, 2)", 1, 10, "expected `]`"),
        ("(1 + 2]", 1, 7, "expected `)`"),
        ("1]", 1, 2, "closes no bracket"),
        ("v = [1, 2]; v[2]", 1, 14, "no element 2"),
        ("v = [1, 2]; v[0.5]", 1, 14, "not 0.5"),
        ("v = [1, 2]; v[x]", 1, 14, "whole number"),
        ("v = [1, 2]; v + [1, 2, 3]", 1, 15, "2 and 3 elements"),
        ("v = [1, 2]; dot(v, [1])", 1, 13, "equally long"),
        ("[[1, 2], 3]", 1, 1, "elements of a vector are numbers"),
        ("[1, [i for i in range(2)]]", 1, 1, "elements of a vector are numbers"),
        ("x + x[0]", 1, 6, "this is a number"),
        ("x[0] + x", 1, 8, "elements of `x` are inputs"),
        ("x[-1]", 1, 2, "counted from 0"),
        ("len(x)", 1, 1, "len takes a vector"),
        ("f(x) = x^2", 1, 1, "no value"),
        ("f(x) = f(x - 1); f(3)", 1, 8, "calls itself"),
        ("f(x) = x; f(1, 2)", 1, 11, "takes 1 operand, not 2"),
        ("f(x) = x; f + 1", 1, 11, "call it, as in f(x)"),
        ("f(x) = x; f(y) = y; f(1)", 1, 11, "defined twice"),
        ("f(x) = x; f = 2", 1, 11, "is a function"),
        ("tanh(x) = x; tanh(1)", 1, 1, "choose another name"),
        ("f = 1; f(x) = x; f(1)", 1, 8, "is a value already"),
        ("f(x, x) = x; f(1, 2)", 1, 1, "x is there twice"),
        ("f(x) = x +; f(1)", 1, 11, "found the end of the statement"),
        ("g(1); g(x) = x", 1, 1, "there is no function `g`"),
        ("weighted(x) = x; wieghted(3)", 1, 18, "did you mean weighted?"),
        ("sum(i for i in range(3) + 1)", 1, 25, "expected the end of the bracket"),
        ("sum(i for i in 3)", 1, 16, "for i in range(10)"),
        ("sum(i for 3 in range(3))", 1, 11, "for i in range(10)"),
        ("sum(i for i in range(0))", 1, 7, "is empty"),
        ("sum(i for i in range(x))", 1, 7, "whole number"),
        ("sum(i for i in range(1, 2, 3))", 1, 26, "begin and an end"),
        ("tanh(i for i in range(3))", 1, 8, "expected an operator"),
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

#[test]
fn functions_are_written_out_where_they_are_called() {
    for (source, expected) in [
        ("f(x) = x^2 + 1; f(2) * f(3)", 50.0),
        ("f(x) = x + 1\ng(x, y) = f(x)*y\ng(2, 3)", 9.0),
        // A parameter hides an input and a constant, and ends with the call.
        ("f(e) = e*2; f(4) + log(e)", 9.0),
        ("f(a) = a + b; a = 5; b = 7; f(1) + a", 13.0),
        ("f(v) = v[0] - v[1]; f([5, 3])", 2.0),
        ("norm2(v) = sum(v*v); norm2([3, 4])", 25.0),
        ("scaled(v, s) = v*s; sum(scaled([1, 2], 10))", 30.0),
        ("f(n) = sum(i^2 for i in range(1, n)); f(4)", 14.0),
        ("max2(a, b) = max(a, b); max2(\n1,\n2)", 2.0),
    ] {
        assert_eq!(value_at(source, &[]), expected, "{source}");
    }
    // What a body names is looked up when it is called; a function that is not called needs no inputs.
    let program = parse("f(x) = x*k; g(x) = x*unused; k = w; f(z)", [], LIMITS).expect("two functions");
    let inputs: Vec<&str> = program.graph.inputs().iter().map(|(name, _)| &**name).collect();
    assert_eq!(inputs, ["w", "z"]);
}

#[test]
fn vectors_work_element_by_element() {
    for (source, expected) in [
        ("w = [1, 2, 3]; dot(w, [4, 5, 6])", 32.0),
        ("sum([1, 2] * 2 + 1)", 8.0),
        ("sum(2 ** [1, 2, 3])", 14.0),
        ("prod(-[1, 2, 3])", -6.0),
        ("v = [1, 2, 3]; v[0] + v[-1]*10 + len(v)*100", 331.0),
        ("mean([1, 2], 6)", 3.0),
        ("norm([3, 4])", 5.0),
        ("sum(where([1, 0], [10, 20], 5))", 15.0),
        ("sum(max([1, 5], 3))", 8.0),
        ("max([1, 5, 3])", 5.0),
        ("sum(min([1, 5], 3, [4, 2]))", 3.0),
        ("min(i*(i - 4) for i in range(9))", -4.0),
        ("sum(maximum([1, 5], [2, 2]))", 7.0),
        ("sum(1 for i in range(max(2, 7, 3) - min(4, 5)))", 3.0),
        ("v = [3, 4]; sum(i for i in range(sum(1, 1), prod(2, 2, 1)))", 5.0),
        ("[1, 2, 3][1]", 2.0),
        ("(1 + [1, 2])[1]", 3.0),
        ("[2, 3][0]^2", 4.0),
        ("v = [\n  1,\n  2\n]\nsum(v)", 3.0),
        ("sum(i^2 for i in range(1, 11))", 385.0),
        ("v = [2, 3]; sum(v[i]*10^i for i in range(len(v)))", 32.0),
        ("v = [i*i for i in range(4)]; v[3] - v[2]", 5.0),
        ("sum(sum(i*j for j in range(3)) for i in range(3))", 9.0),
        ("v = [1, 2, 3, 4]; sum(v[i + 1] - v[i] for i in range(len(v) - 1))", 3.0),
        ("mean(i for i in range(-1, 2))", 0.0),
        ("for = 2; range = 3; in = 4; for*range*in", 24.0),
    ] {
        assert_eq!(value_at(source, &[]), expected, "{source}");
    }
}

#[test]
fn elements_of_a_name_without_a_value_are_inputs() {
    let source = "sum(w[i]*x[i] for i in range(3)) + b";
    let program = parse(source, [], LIMITS).expect("a neuron");
    let inputs: Vec<&str> = program.graph.inputs().iter().map(|(name, _)| &**name).collect();
    assert_eq!(inputs, ["w[0]", "x[0]", "w[1]", "x[1]", "w[2]", "x[2]", "b"]);
    assert_eq!(program.names["x[1]"], program.graph.inputs()[3].1);
    let at = [
        ("w[0]", 1.0),
        ("w[1]", 2.0),
        ("w[2]", 3.0),
        ("x[0]", 4.0),
        ("x[1]", 5.0),
        ("x[2]", 6.0),
        ("b", 0.5),
    ];
    assert_eq!(evaluate(&program, &at), 32.5);
    let named = parse("v = [a, b*2]; sum(v)", [], LIMITS).expect("a vector");
    assert_eq!(named.graph.label(named.names["v[1]"]), Some("v[1]"));
    assert_eq!(named.graph.label(named.names["v[0]"]), Some("a"));
}

/// A short text may ask for much: it is refused while that is made.
#[test]
fn what_is_written_out_is_bounded() {
    let doubling: Vec<String> = (1..60).map(|i| format!("f{i}(x) = f{}(x) + f{0}(x)\n", i - 1)).collect();
    let nothing: Vec<String> = (1..60).map(|i| format!("f{i}(x) = [f{}(x), f{0}(x)][0]\n", i - 1)).collect();
    let vectors: Vec<String> = (1..60)
        .map(|i| format!("v{i} = v{} + 1; w{i} = [sum(v{i}, v{i}, v{i}) for i in range(99)]\n", i - 1))
        .collect();
    for source in [
        format!("f0(x) = x\n{}f59(1)", doubling.concat()),
        format!("f0(x) = x\n{}f59(1)", nothing.concat()),
        "sum(i for i in range(1000000000000))".to_owned(),
        "sum(sum(sum(1 for i in range(1000)) for j in range(1000)) for k in range(1000))".to_owned(),
        format!("v0 = [i for i in range(99)]\n{}sum(w59)", vectors.concat()),
        format!("v = [x for i in range(2000)]; sum({})", vec!["v"; 1000].join(", ")),
        format!("v = [x for i in range(99)]; sum(max(v, {}))", vec!["x"; 200].join(", ")),
        format!("[sum({}) for i in range(99)][0]", vec!["x"; 200].join(", ")),
    ] {
        assert_eq!(fault(&source).kind, ParseErrorKind::Nodes { limit: 10_000 }, "{source:.40}");
    }
    let deep = format!("{}x{}", "[".repeat(101), "]".repeat(101));
    assert_eq!(fault(&deep).kind, ParseErrorKind::Nesting { limit: 100 });
    // A chain of functions is as deep as it is long, on the heap.
    let chain: Vec<String> = (1..2000).map(|i| format!("f{i}(x) = f{}(x)\n", i - 1)).collect();
    assert_eq!(value_at(&format!("f0(x) = x\n{}f1999(7)", chain.concat()), &[]), 7.0);
}
