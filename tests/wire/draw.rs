//! `/v1/draw`: what stands in the pictures, and that programs for them can read them.

use std::collections::HashMap;
use std::io::Write;
use std::process::{Command, Stdio};

use gradd::api::picture::PictureFormat;
use gradd::api::{Context, Limits, draw, gradient};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{answer, assert_invalid, problem, problem_within};

const SVG: &str = "image/svg+xml";
const DOT: &str = "text/vnd.graphviz";

/// The picture that `request` asks for.
#[track_caller]
pub fn picture(media_type: &str, request: &Value) -> String {
    picture_within(Limits::default(), media_type, request)
}

#[track_caller]
fn picture_within(limits: Limits, media_type: &str, request: &Value) -> String {
    let picture = PictureFormat::ALL.into_iter().find(|format| format.media_type() == media_type);
    let context = Context { limits, picture: picture.expect("a format"), ..Context::default() };
    let reply = draw::answer(request.to_string().as_bytes(), &context).expect("a picture");
    assert_eq!(reply.content_type, media_type);
    String::from_utf8(reply.body).expect("text")
}

fn neuron() -> Value {
    json!({
        "expression": "n = x1*w1 + x2*w2 + b; o = tanh(n)",
        "inputs": {"x1": 2, "x2": 0, "w1": -3, "w2": 1, "b": 6.881373587019543}
    })
}

/// What Graphviz makes of `source` in its plain format, by lines and words; `None` where it is not installed.
fn graphviz(source: &str) -> Option<Vec<Vec<String>>> {
    let command = Command::new("dot").arg("-Tplain").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let Ok(mut dot) = command else {
        eprintln!("SKIPPED: dot of graphviz is not installed; no picture was opened with it");
        return None;
    };
    // Written beside reading: a large picture fills the pipes.
    let mut input = dot.stdin.take().expect("a pipe");
    let source = source.to_owned();
    let writer = std::thread::spawn(move || input.write_all(source.as_bytes()));
    let output = dot.wait_with_output().expect("dot to end");
    writer.join().expect("no panic").expect("dot to read");
    assert!(output.status.success(), "dot refuses the picture");
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("text");
    Some(text.lines().map(|line| line.split(' ').map(str::to_owned).collect()).collect())
}

/// The numbers in a box, by what stands before them.
fn numbers(tip: &str) -> HashMap<&str, f64> {
    tip.split(", ")
        .skip(1)
        .map(|part| part.split_once(' ').expect("a word and a number"))
        .map(|(what, x)| (what, x.parse().expect("a number")))
        .collect()
}

/// Every box of an SVG: its class, the texts in it, and what a pointer over it tells.
fn boxes(svg: &str) -> Vec<(String, Vec<String>, String)> {
    let document = roxmltree::Document::parse(svg).expect("well-formed XML");
    let groups = document
        .root_element()
        .children()
        .filter(|node| node.has_tag_name("g") && node.attribute("class") != Some("edge"));
    let text = |node: roxmltree::Node<'_, '_>| node.text().unwrap_or_default().to_owned();
    groups
        .map(|group| {
            let of =
                |tag: &'static str| group.children().filter(move |node| node.has_tag_name(tag)).map(text);
            (group.attribute("class").unwrap().to_owned(), of("text").collect(), of("title").next().unwrap())
        })
        .collect()
}

#[test]
fn boxes_hold_label_data_and_grad_as_the_trace_has_them() {
    let svg = picture(SVG, &neuron());
    let boxes = boxes(&svg);
    let mut traced = neuron();
    traced["trace"] = json!(true);
    let trace = answer(gradient::answer, &traced);
    let trace = trace["trace"].as_array().unwrap();
    assert_eq!(boxes.len(), trace.len());
    for ((_, texts, tip), node) in boxes.iter().zip(trace) {
        let found = numbers(tip);
        assert_eq!(found["data"], node["data"].as_f64().unwrap(), "{tip}");
        assert_eq!(found["grad"], node["grad"].as_f64().unwrap(), "{tip}");
        assert!(tip.contains(&format!("`{}`", node["id"].as_str().unwrap())), "{tip}");
        assert!(
            texts.iter().any(|text| text.starts_with("data "))
                && texts.iter().any(|text| text.starts_with("grad "))
        );
    }
    let (class, texts, _) = boxes.last().unwrap();
    assert_eq!((class.as_str(), texts.join("|").as_str()), ("output", "tanh|o|data 0.70711|grad 1"));
    assert_eq!(boxes[0].1.join("|"), "x1|data 2|grad -1.5");
}

#[test]
fn graphviz_draws_records_and_circles_from_left_to_right() {
    let source = picture(DOT, &neuron());
    assert!(source.contains(r#"label="{x1|data\ 2|grad\ -1.5}""#), "{source}");
    let Some(lines) = graphviz(&source) else { return };
    let x: HashMap<&str, f64> = lines
        .iter()
        .filter(|line| line[0] == "node")
        .map(|line| (line[1].as_str(), line[2].parse().unwrap()))
        .collect();
    // Ten values, of which five are computed.
    assert_eq!(x.len(), 15);
    let edges: Vec<&Vec<String>> = lines.iter().filter(|line| line[0] == "edge").collect();
    assert_eq!(edges.len(), 5 + 9);
    for edge in edges {
        assert!(x[edge[1].as_str()] < x[edge[2].as_str()], "{edge:?} runs back");
    }
}

#[test]
fn labels_mean_nothing_to_the_formats() {
    let label = "a|b {c} <d> \"e\" \\n & ]]> </title><script>alert(1)</script>";
    let request = json!({"graph": {"nodes": [
        {"id": "x\u{0}\n--!>", "op": "input", "value": 1},
        {"id": "y", "op": "neg", "inputs": ["x\u{0}\n--!>"], "label": label}
    ]}});
    let svg = picture(SVG, &request);
    assert!(!svg.contains("<script"), "{svg}");
    let boxes = boxes(&svg);
    let shown: String = label.chars().take(39).chain(['…']).collect();
    assert_eq!(boxes[1].1[1], shown);
    assert_eq!(boxes[0].1[0], "x\u{fffd}\u{fffd}--!>");
    if let Some(lines) = graphviz(&picture(DOT, &request)) {
        assert_eq!(lines.iter().filter(|line| line[0] == "node").count(), 3);
    }
}

#[test]
fn samples_are_told_by_their_mean() {
    let request = json!({"expression": "x*w", "inputs": {"x": [1, 2, 6], "w": 2}});
    let boxes = boxes(&picture(SVG, &request));
    assert_eq!(boxes[0].1.join("|"), "x|data 3 (mean of 3)|grad 2 (mean of 3)");
    assert_eq!(boxes[1].1.join("|"), "w|data 2|grad 9");
    assert_eq!(boxes[2].1.join("|"), "*|output|data 6 (mean of 3)|grad 1 (mean of 3)");
}

#[test]
fn without_values_there_are_boxes_without_numbers() {
    let boxes = boxes(&picture(SVG, &json!({"expression": "d = a + a; d*2"})));
    let texts: Vec<String> = boxes.iter().map(|(_, texts, _)| texts.join("|")).collect();
    assert_eq!(texts, ["a", "+|d", "2", "*|output"]);
    assert!(picture(SVG, &json!({"expression": "a + a"})).contains(">×2</text>"));
    let values_within = json!({"graph": {"nodes": [{"id": "a", "op": "input", "value": 3}, {"id": "b", "op": "square", "inputs": ["a"]}]}});
    assert_eq!(self::boxes(&picture(SVG, &values_within))[1].1.join("|"), "square|b|data 9|grad 1");
}

#[test]
fn what_is_not_finite_is_drawn_as_it_is() {
    let boxes = boxes(&picture(SVG, &json!({"expression": "y = log(x); y*0", "inputs": {"x": 0}})));
    assert_eq!(boxes[1].1.join("|"), "log|y|data -Infinity|grad 0");
    assert_eq!(boxes.last().unwrap().1.join("|"), "*|output|data NaN|grad 1");
}

#[test]
fn an_mlp_is_drawn_by_its_layers() {
    let mlp = json!({"inputs": 2, "layers": [{"units": 16, "activation": "tanh"}, {"units": 3}], "loss": "cross_entropy"});
    let svg = picture(SVG, &json!({"mlp": mlp}));
    let texts: Vec<String> = boxes(&svg).into_iter().map(|(_, texts, _)| texts.join("|")).collect();
    assert_eq!(
        texts,
        [
            "x|2 values",
            "layers.0.weight|16 × 2",
            "layers.0.bias|16",
            "tanh|layer 0|16 values",
            "layers.1.weight|3 × 16",
            "layers.1.bias|3",
            "linear|outputs|3 values",
            "y|targets",
            "cross_entropy|loss|1 value"
        ]
    );
    assert!(svg.contains("with 99 parameters"), "{svg}");
    let values = problem(draw::answer, &json!({"mlp": mlp, "inputs": {}, "outputs": ["y"]}));
    assert_invalid(&values, &["/inputs", "/outputs"], &["layers"]);
    let deep = json!({"mlp": {"inputs": 1, "layers": vec![json!({"units": 1}); 200]}});
    let found = problem(draw::answer, &deep);
    assert_eq!(
        (found.setting.as_deref(), found.limit, found.actual),
        (Some("max_drawn_nodes"), Some(200), Some(603))
    );
}

#[test]
fn a_picture_is_said_in_words() {
    let svg = picture(SVG, &neuron());
    let document = roxmltree::Document::parse(&svg).unwrap();
    let root = document.root_element();
    assert_eq!(root.attribute("role"), Some("img"));
    let child =
        |tag: &'static str| root.children().find(|node| node.has_tag_name(tag)).unwrap().text().unwrap();
    assert_eq!(child("title"), "Computation graph of o");
    assert_eq!(child("desc"), "From x1, w1, x2, w2, b to o = 0.70711, from left to right.");
    assert!(child("style").contains("prefers-color-scheme:dark"));
    // All colours are the style's, so that a page which forbids styles shows lines and text in its own.
    let coloured = document
        .descendants()
        .flat_map(|node| node.attributes())
        .filter(|a| ["fill", "stroke"].contains(&a.name()));
    assert!(coloured.into_iter().all(|a| ["none", "currentColor"].contains(&a.value())));
}

#[test]
fn a_large_graph_is_summed_up() {
    let steps: Vec<String> = (0..3000).map(|i| format!("h = tanh(h*{i}/9000 + b)")).collect();
    let request = json!({"expression": format!("h = x\n{}", steps.join("\n")), "inputs": {"x": 1, "b": 0.1}});
    let svg = picture(SVG, &request);
    let all = boxes(&svg);
    assert!((100..=200).contains(&all.len()), "{} boxes", all.len());
    let inputs: Vec<&str> =
        all.iter().filter(|(class, ..)| class == "input").map(|(_, texts, _)| texts[0].as_str()).collect();
    assert_eq!(inputs, ["x", "b"]);
    assert!(svg.contains("Of 18,002 nodes, "), "{}", &svg[..600]);
    assert_eq!(all.iter().filter(|(class, ..)| class == "group").count(), 1);
    // Graphviz takes long for many long edges.
    let few = Limits { max_drawn_nodes: 60, ..Limits::default() };
    if let Some(lines) = graphviz(&picture_within(few, DOT, &request)) {
        assert!(lines.len() > 60);
    }
    let limits = Limits { max_nodes: 100, ..Limits::default() };
    assert_eq!(problem_within(limits, draw::answer, &request).setting.as_deref(), Some("max_nodes"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// However a graph is summed up, every node is drawn or counted, and no edge leads back.
    #[test]
    fn summaries_count_every_node_and_have_no_cycle(
        picks in prop::collection::vec((0usize..4, 0usize..1000, 0usize..1000), 1..200),
        limit in 1usize..80,
    ) {
        let mut nodes = vec![json!({"id": "n0", "op": "input"})];
        for (i, (kind, a, b)) in picks.into_iter().enumerate() {
            let operands = json!([format!("n{}", a % (i + 1)), format!("n{}", (i - b.min(i)).max(i.saturating_sub(6)))]);
            nodes.push(match kind {
                0 => json!({"id": format!("n{}", i + 1), "op": "input"}),
                _ => json!({"id": format!("n{}", i + 1), "op": "add", "inputs": operands}),
            });
        }
        let last = format!("n{}", nodes.len() - 1);
        let request = json!({"graph": {"nodes": nodes}, "outputs": [last]});
        let needed = picture(DOT, &request).matches("shape=record").count();
        let limits = Limits { max_drawn_nodes: limit, ..Limits::default() };
        let source = picture_within(limits.clone(), DOT, &request);
        let mut counted = 0;
        for line in source.lines().filter(|line| line.contains("shape=record")) {
            let label = line.split("label=\"{").nth(1).unwrap().split('}').next().unwrap();
            let count = label.split_once("\\ ").and_then(|(count, _)| count.parse::<usize>().ok());
            counted += count.unwrap_or(1);
        }
        prop_assert_eq!(counted, needed, "{}", source);
        let position = |name: &str| name.trim_start_matches(['v', 'o']).parse::<usize>().unwrap();
        for line in source.lines().filter(|line| line.contains("->")) {
            let (from, to) = line.trim().split_once(" -> ").unwrap();
            let to = to.split(' ').next().unwrap();
            prop_assert!(position(from) <= position(to) && from != to, "{}", line);
        }
        picture_within(limits, SVG, &request);
    }
}

#[test]
fn the_picture_of_the_readme_is_current() {
    let request = json!({"expression": "n = x*w + b; o = tanh(n)", "inputs": {"x": 2, "w": -3, "b": 6.5}});
    assert_eq!(picture(SVG, &request), include_str!("../../docs/images/neuron.svg"));
}
