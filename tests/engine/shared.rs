//! Equal nodes that lie at different depths, since a folded constant keeps the depth of what it stands for.

use gradd::engine::{Binding, CompileOptions, GradientOptions, Interrupt, ParseLimits, Role, Tape, parse};

const LIMITS: ParseLimits = ParseLimits { max_nodes: 100, max_nesting: 10 };

#[test]
fn a_node_is_no_copy_of_one_that_comes_later() {
    for text in [
        "tanh(x*(1+1)) + tanh(x*2)",
        "tanh(x*2) + tanh(x*(1+1))",
        "exp(tanh(x*(1+1+0))) * exp(tanh(x*2)) + tanh(x*(4-2))",
        "hypot(x, 1+1) + hypot(2, x) + hypot(1+1, x)",
    ] {
        let program = parse(text, [], LIMITS).expect("an expression");
        let samples = [0.3, -0.7, 0.0];
        for binding in [Binding::Number(0.3), Binding::Samples(&samples)] {
            let sampled = matches!(binding, Binding::Samples(_));
            let run = |options: CompileOptions| {
                let roles = [Role { sampled, wanted: true }];
                Tape::compile(&program.graph, &[program.output.1], &roles, options)
                    .gradient(&[binding], GradientOptions::default(), &Interrupt::never())
                    .expect("finite")
            };
            let plain = run(CompileOptions { fold: false, share: false, ..CompileOptions::default() });
            let shared = run(CompileOptions::default());
            assert_eq!((plain.outputs, plain.gradients), (shared.outputs, shared.gradients), "{text}");
        }
    }
}
