//! Optimizers, schedules and clipping against trajectories of PyTorch in float64; `tests/fixtures/train/generate.py` made
//! them.

use std::collections::BTreeSet;

use gradd::engine::Interrupt;
use gradd::nn::{Examples, Matrix, Mlp, Reduction, Targets};
use gradd::train::{
    Adagrad, Adam, Anneal, Clip, Lbfgs, Length, LineSearch, MlpObjective, OneCycle, Optimizer, Plan, Plateau,
    Recipe, RmsProp, Schedule, Sgd, ThresholdMode, Trainer, WarmUp,
};
use serde_json::Value;

use crate::support::{assert_close, flat, layers, mlp, named};

/// Largest error of a parameter, relative to itself or to 1e-3, whichever is larger.
const TOLERANCE: f64 = 1e-9;

fn fixture(name: &str) -> Value {
    let path = format!("{}/tests/fixtures/train/{name}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// The settings of a run by PyTorch's names. Reading one that the test does not know is an error of the test.
struct Settings<'a>(&'a Value);

impl Settings<'_> {
    fn number(&self, name: &str, default: f64) -> f64 {
        self.0.get(name).map_or(default, |value| value.as_f64().unwrap())
    }

    fn count(&self, name: &str) -> u64 {
        self.0[name].as_u64().unwrap()
    }

    fn flag(&self, name: &str, default: bool) -> bool {
        self.0.get(name).map_or(default, |value| value.as_bool().unwrap())
    }

    fn only(&self, names: &[&str]) {
        for name in self.0.as_object().unwrap().keys() {
            assert!(names.contains(&name.as_str()), "the test ignores {name}");
        }
    }
}

fn optimizer(run: &Value) -> Optimizer {
    let name = run["optimizer"].as_str().unwrap();
    let settings = Settings(&run["settings"]);
    let adam = |defaults: Adam| {
        settings.only(&["lr", "betas", "eps", "weight_decay", "amsgrad"]);
        let betas = settings.0.get("betas").map_or(defaults.betas, |betas| flat(betas).try_into().unwrap());
        Optimizer::Adam(Adam {
            learning_rate: settings.number("lr", defaults.learning_rate),
            betas,
            eps: settings.number("eps", defaults.eps),
            weight_decay: settings.number("weight_decay", defaults.weight_decay),
            amsgrad: settings.flag("amsgrad", defaults.amsgrad),
            ..defaults
        })
    };
    match name {
        "sgd" => {
            settings.only(&["lr", "momentum", "weight_decay", "nesterov"]);
            let number = |name| settings.number(name, 0.0);
            let nesterov = settings.flag("nesterov", false);
            let sgd = Sgd::with(number("lr"), number("momentum"), 0.0, number("weight_decay"), nesterov);
            Optimizer::Sgd(sgd.unwrap())
        }
        "adam" => adam(Adam::ADAM),
        "adamw" => adam(Adam::ADAMW),
        "rmsprop" => {
            settings.only(&["lr", "alpha", "eps", "weight_decay", "momentum", "centered"]);
            let defaults = RmsProp::default();
            Optimizer::RmsProp(RmsProp {
                learning_rate: settings.number("lr", defaults.learning_rate),
                alpha: settings.number("alpha", defaults.alpha),
                eps: settings.number("eps", defaults.eps),
                weight_decay: settings.number("weight_decay", defaults.weight_decay),
                momentum: settings.number("momentum", defaults.momentum),
                centered: settings.flag("centered", defaults.centered),
            })
        }
        "adagrad" => {
            settings.only(&["lr", "lr_decay", "weight_decay", "initial_accumulator_value", "eps"]);
            let defaults = Adagrad::default();
            Optimizer::Adagrad(Adagrad {
                learning_rate: settings.number("lr", defaults.learning_rate),
                lr_decay: settings.number("lr_decay", defaults.lr_decay),
                weight_decay: settings.number("weight_decay", defaults.weight_decay),
                initial_accumulator_value: settings
                    .number("initial_accumulator_value", defaults.initial_accumulator_value),
                eps: settings.number("eps", defaults.eps),
            })
        }
        "lbfgs" => {
            settings.only(&[
                "lr",
                "max_iter",
                "max_eval",
                "history_size",
                "line_search_fn",
                "tolerance_grad",
                "tolerance_change",
            ]);
            let count = |name: &str| settings.0.get(name).map(|count| count.as_u64().unwrap());
            let defaults = Lbfgs::default();
            Optimizer::Lbfgs(Lbfgs {
                learning_rate: settings.number("lr", 1.0),
                max_iter: count("max_iter").unwrap_or(defaults.max_iter),
                max_eval: count("max_eval"),
                tolerance_grad: settings.number("tolerance_grad", defaults.tolerance_grad),
                tolerance_change: settings.number("tolerance_change", defaults.tolerance_change),
                history_size: count("history_size").unwrap_or(defaults.history_size),
                line_search: settings
                    .0
                    .get("line_search_fn")
                    .map_or(LineSearch::None, |name| named(&LineSearch::ALL, name)),
            })
        }
        other => panic!("no optimizer {other}"),
    }
}

fn clip(clip: &Value) -> Option<Clip> {
    let bound = |name: &str| clip.get(name).map(|value| value.as_f64().unwrap());
    bound("norm").map(Clip::Norm).or(bound("value").map(Clip::Value))
}

fn schedule(run: &Value) -> Schedule {
    let settings = Settings(&run["schedule_settings"]);
    match run["schedule"].as_str().unwrap() {
        "constant" => Schedule::Constant,
        "step" => {
            settings.only(&["step_size", "gamma"]);
            Schedule::Step { step_size: settings.count("step_size"), gamma: settings.number("gamma", 0.1) }
        }
        "exponential" => Schedule::Exponential { gamma: settings.number("gamma", f64::NAN) },
        "cosine" => {
            settings.only(&["T_max", "eta_min"]);
            Schedule::Cosine { t_max: settings.count("T_max"), eta_min: settings.number("eta_min", 0.0) }
        }
        "one_cycle" => {
            let defaults = OneCycle::new(settings.number("max_lr", f64::NAN), settings.count("total_steps"));
            let strategy = settings.0.get("anneal_strategy");
            Schedule::OneCycle(OneCycle {
                pct_start: settings.number("pct_start", defaults.pct_start),
                anneal_strategy: strategy.map_or(Anneal::Cos, |name| named(&Anneal::ALL, name)),
                cycle_momentum: settings.flag("cycle_momentum", defaults.cycle_momentum),
                base_momentum: settings.number("base_momentum", defaults.base_momentum),
                max_momentum: settings.number("max_momentum", defaults.max_momentum),
                div_factor: settings.number("div_factor", defaults.div_factor),
                final_div_factor: settings.number("final_div_factor", defaults.final_div_factor),
                three_phase: settings.flag("three_phase", defaults.three_phase),
                ..defaults
            })
        }
        "reduce_on_plateau" => {
            let defaults = Plateau::default();
            let mode = settings.0.get("threshold_mode");
            Schedule::ReduceOnPlateau(Plateau {
                factor: settings.number("factor", defaults.factor),
                patience: settings.number("patience", 10.0) as u64,
                threshold: settings.number("threshold", defaults.threshold),
                threshold_mode: mode.map_or(ThresholdMode::Rel, |name| named(&ThresholdMode::ALL, name)),
                cooldown: settings.number("cooldown", 0.0) as u64,
                min_lr: settings.number("min_lr", defaults.min_lr),
                eps: settings.number("eps", defaults.eps),
            })
        }
        other => panic!("no schedule {other}"),
    }
}

fn warm_up(run: &Value) -> Option<WarmUp> {
    let settings = Settings(run["warm_up"].as_object().map(|_| &run["warm_up"])?);
    Some(WarmUp { steps: settings.count("steps"), start_factor: settings.number("start_factor", 1.0 / 3.0) })
}

/// Makes the run of `recipe` and compares what the fixture recorded; gives the learning rates of its steps.
fn compare(fixture: &Value, run: &Value, recipe: Recipe, what: &str) -> Vec<f64> {
    let mlp = Mlp::new(2, &layers(&fixture["layers"]), gradd::nn::Loss::Mse, usize::MAX).unwrap();
    let (x, y) = (flat(&fixture["x"]), flat(&fixture["y"]));
    let rows = y.len();
    let examples = Examples::new(&mlp, Matrix::new(&x, rows, 2).unwrap(), Targets::Values(&y)).unwrap();
    let mut model = MlpObjective::new(&mlp, examples, Reduction::Mean);
    let plan = Plan::new(rows, Length::Steps(200), None, None).unwrap();
    let mut trainer = Trainer::new(&mut model, recipe, plan, flat(&fixture["start"]), None).unwrap();
    let recorded: Vec<u64> = flat(&fixture["recorded"]).iter().map(|&step| step as u64).collect();
    let expected = run["parameters"].as_array().unwrap();
    assert_eq!(recorded.len(), expected.len());
    let (mut rates, mut last) = (Vec::new(), f64::NAN);
    while let Some(step) = trainer.step(&Interrupt::never()).unwrap() {
        rates.push(step.learning_rate);
        last = step.loss;
        if let Some(index) = recorded.iter().position(|&recorded| recorded == step.step) {
            let what = format!("{what}, step {}", step.step);
            assert_close(trainer.parameters(), &flat(&expected[index]), TOLERANCE, 1e-3, &what);
        }
    }
    assert_close(&[last], &flat(&run["loss"]), TOLERANCE, 1e-3, &format!("{what}, loss"));
    if let Some(buffers) = run.get("buffers") {
        // The wire's name of the momentum of SGD is an older one.
        let own = &trainer.state().optimizer.buffers;
        let names = recipe.optimizer.buffers(own.len());
        assert_eq!(buffers.as_object().unwrap().len(), names.len(), "{what}");
        for (name, values) in names.iter().zip(own) {
            let pytorch = if name == "velocity" { "momentum_buffer" } else { name };
            assert_close(values, &flat(&buffers[pytorch]), TOLERANCE, 1e-3, &format!("{what}, {name}"));
        }
    }
    rates
}

#[test]
fn optimizers_follow_pytorch_for_two_hundred_steps() {
    let fixture = fixture("optimizers.json");
    let runs = fixture["runs"].as_array().unwrap();
    assert_eq!(runs.len(), 19);
    for run in runs {
        let what = format!("{} {} {}", run["optimizer"], run["settings"], run["clip"]);
        let recipe = Recipe { clip: clip(&run["clip"]), ..optimizer(run).into() };
        assert_eq!(run["optimizer"], recipe.optimizer.name());
        compare(&fixture, run, recipe, &what);
    }
}

#[test]
fn lbfgs_follows_pytorch() {
    let mut taken = BTreeSet::new();
    for (name, count) in [("lbfgs.json", 11), ("lbfgs_steep.json", 2), ("lbfgs_exact.json", 1)] {
        let fixture = fixture(name);
        let runs = fixture["runs"].as_array().unwrap();
        assert_eq!(runs.len(), count);
        for run in runs {
            compare(&fixture, run, optimizer(run).into(), &run["settings"].to_string());
            taken.extend(
                run["takes"].as_array().unwrap().iter().map(|branch| branch.as_str().unwrap().to_owned()),
            );
        }
    }
    // The seldom branches of the line search: a trial that falls enough but lies past a minimum; a bracket that is too narrow
    // to go on in; a trial that is moved away from the far end of its bracket.
    assert!(taken.into_iter().eq(["away from the far end", "narrow bracket", "past a minimum"]));
}

#[test]
fn schedules_follow_pytorch_for_two_hundred_steps() {
    let fixture = fixture("schedules.json");
    let runs = fixture["runs"].as_array().unwrap();
    assert_eq!(runs.len(), 16);
    for run in runs {
        let what = format!(
            "{} {} {} {}",
            run["optimizer"], run["schedule"], run["schedule_settings"], run["warm_up"]
        );
        let recipe = Recipe { schedule: schedule(run), warm_up: warm_up(run), ..optimizer(run).into() };
        let rates = compare(&fixture, run, recipe, &what);
        let mut thinned: Vec<f64> = rates.iter().copied().step_by(9).collect();
        thinned.push(rates[199]);
        // PyTorch multiplies its way from step to step where this computes each rate anew.
        assert_close(&thinned, &flat(&run["rates"]), 1e-12, 1e-7, &format!("{what}, rates"));
    }
}

/// The setting that a recipe is refused for.
fn refused(recipe: impl Into<Recipe>) -> &'static str {
    recipe.into().check().unwrap_err().setting()
}

#[test]
fn settings_that_cannot_be_meant_are_refused_by_name() {
    let adam = |change: fn(&mut Adam)| {
        let mut adam = Adam::ADAM;
        change(&mut adam);
        refused(Optimizer::Adam(adam))
    };
    assert_eq!(adam(|adam| adam.learning_rate = 0.0), "learning_rate");
    assert_eq!(adam(|adam| adam.learning_rate = -1.0), "learning_rate");
    assert_eq!(adam(|adam| adam.learning_rate = f64::NAN), "learning_rate");
    assert_eq!(adam(|adam| adam.betas[0] = 1.0), "betas/0");
    assert_eq!(adam(|adam| adam.betas[1] = -0.1), "betas/1");
    assert_eq!(adam(|adam| adam.betas[1] = f64::NAN), "betas/1");
    assert_eq!(adam(|adam| adam.eps = 0.0), "eps");
    assert_eq!(adam(|adam| adam.weight_decay = -1.0), "weight_decay");
    let rmsprop = |change: fn(&mut RmsProp)| {
        let mut rmsprop = RmsProp::default();
        change(&mut rmsprop);
        refused(Optimizer::RmsProp(rmsprop))
    };
    assert_eq!(rmsprop(|rmsprop| rmsprop.alpha = 1.0), "alpha");
    assert_eq!(rmsprop(|rmsprop| rmsprop.eps = -1e-8), "eps");
    assert_eq!(rmsprop(|rmsprop| rmsprop.momentum = -0.1), "momentum");
    let adagrad = |change: fn(&mut Adagrad)| {
        let mut adagrad = Adagrad::default();
        change(&mut adagrad);
        refused(Optimizer::Adagrad(adagrad))
    };
    assert_eq!(adagrad(|adagrad| adagrad.lr_decay = -0.1), "lr_decay");
    assert_eq!(adagrad(|adagrad| adagrad.initial_accumulator_value = -1.0), "initial_accumulator_value");
    assert_eq!(adagrad(|adagrad| adagrad.eps = 0.0), "eps");

    let plain: Recipe = Optimizer::Adam(Adam::ADAM).into();
    let schedule = |schedule| refused(Recipe { schedule, ..plain });
    assert_eq!(schedule(Schedule::Step { step_size: 0, gamma: 0.1 }), "step_size");
    assert_eq!(schedule(Schedule::Exponential { gamma: 0.0 }), "gamma");
    assert_eq!(schedule(Schedule::Cosine { t_max: 0, eta_min: 0.0 }), "t_max");
    assert_eq!(schedule(Schedule::Cosine { t_max: 1, eta_min: -1.0 }), "eta_min");
    let cycle = OneCycle::new(0.1, 100);
    assert_eq!(schedule(Schedule::OneCycle(OneCycle { total_steps: 2, ..cycle })), "total_steps");
    assert_eq!(schedule(Schedule::OneCycle(OneCycle { max_momentum: 1.0, ..cycle })), "max_momentum");
    assert_eq!(
        schedule(Schedule::OneCycle(OneCycle { pct_start: 0.6, three_phase: true, ..cycle })),
        "total_steps"
    );
    let plateau = Plateau { factor: 1.0, ..Plateau::default() };
    assert_eq!(schedule(Schedule::ReduceOnPlateau(plateau)), "factor");
    let adagrad = Optimizer::Adagrad(Adagrad::default());
    assert_eq!(refused(Recipe { schedule: Schedule::OneCycle(cycle), ..adagrad.into() }), "cycle_momentum");

    let warm_up =
        |steps, start_factor| refused(Recipe { warm_up: Some(WarmUp { steps, start_factor }), ..plain });
    assert_eq!(warm_up(0, 0.5), "steps");
    assert_eq!(warm_up(5, 0.0), "start_factor");
    assert_eq!(refused(Recipe { clip: Some(Clip::Norm(0.0)), ..plain }), "norm");
    assert_eq!(refused(Recipe { clip: Some(Clip::Value(f64::INFINITY)), ..plain }), "value");
    assert_eq!(refused(Recipe { target_loss: Some(f64::NAN), ..plain }), "target_loss");
}

#[test]
fn a_trainer_refuses_such_a_recipe() {
    let mlp = mlp(1, &[(1, gradd::nn::Activation::Linear)], gradd::nn::Loss::Mse);
    let examples = Examples::new(&mlp, Matrix::new(&[1.0], 1, 1).unwrap(), Targets::Values(&[1.0])).unwrap();
    let mut model = MlpObjective::new(&mlp, examples, Reduction::Mean);
    let plan = Plan::new(1, Length::Steps(1), None, None).unwrap();
    let adam = Optimizer::Adam(Adam { eps: 0.0, ..Adam::ADAM });
    let error = Trainer::new(&mut model, adam, plan, vec![0.0; 2], None).unwrap_err();
    assert_eq!(error.to_string(), "eps is 0: it must be finite and above 0");
}
