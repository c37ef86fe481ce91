//! The training loop: continuation, divergence, interrupts, progress.

use gradd::engine::{Interrupt, Interrupted};
use gradd::nn::{Activation, Examples, Init, Loss, Matrix, Mlp, Reduction, Targets};
use gradd::train::{
    Clip, EarlyStopping, Error, Length, MlpObjective, Model, Optimizer, OptimizerState, Plan, Plateau,
    Recipe, Report, Rows, Schedule, Sgd, State, StateError, Stopped, Trainer, WarmUp, Watch,
};

use crate::naive::noise;
use crate::support::mlp;

const ROWS: usize = 23;

struct Case {
    mlp: Mlp,
    x: Vec<f64>,
    y: Vec<f64>,
    optimizer: Optimizer,
}

impl Case {
    fn new() -> Self {
        Self {
            mlp: mlp(2, &[(6, Activation::Tanh), (1, Activation::Linear)], Loss::Mse),
            y: noise(ROWS * 2, 0.0).chunks_exact(2).map(|x| 0.5 * x[0] - 0.3 * x[1] * x[1]).collect(),
            x: noise(ROWS * 2, 0.0),
            optimizer: Optimizer::Sgd(Sgd::with(0.05, 0.9, 0.1, 1e-3, false).unwrap()),
        }
    }

    fn objective(&self) -> MlpObjective<'_, f64> {
        let x = Matrix::new(&self.x, ROWS, 2).unwrap();
        let examples = Examples::new(&self.mlp, x, Targets::Values(&self.y)).unwrap();
        MlpObjective::new(&self.mlp, examples, Reduction::Mean)
    }

    fn run(&self, length: Length, from: Option<Report<f64>>) -> Report<f64> {
        let mut model = self.objective();
        let plan = Plan::new(ROWS, length, Some(4), Some(9)).unwrap();
        let (parameters, state) = match from {
            Some(report) => (report.parameters, Some(report.state)),
            None => (Init::Linear.draw(&self.mlp, 1), None),
        };
        let trainer = Trainer::new(&mut model, self.optimizer, plan, parameters, state).unwrap();
        trainer.run(&Interrupt::never()).unwrap()
    }
}

#[test]
fn a_run_continues_bit_for_bit_from_any_step() {
    let case = Case::new();
    let whole = case.run(Length::Epochs(3), None);
    assert_eq!((whole.steps, whole.epochs, whole.stopped), (18, 3, Stopped::Epochs));
    for cut in 1..18 {
        let first = case.run(Length::Steps(cut), None);
        assert_eq!((first.steps, first.epochs, first.stopped), (cut, cut / 6, Stopped::Steps));
        let early = first.history.clone();
        let second = case.run(Length::Epochs(3), Some(first));
        assert_eq!(second.parameters, whole.parameters, "cut at {cut}");
        assert_eq!(second.state, whole.state);
        assert_eq!(second.loss.to_bits(), whole.loss.to_bits());
        assert_eq!([early.loss, second.history.loss].concat(), whole.history.loss);
        assert_eq!([early.step, second.history.step].concat(), whole.history.step);
    }
}

/// A recipe in which every part has a memory.
fn watchful(case: &Case) -> Recipe {
    let plateau = Plateau { patience: 0, factor: 0.7, cooldown: 1, ..Plateau::default() };
    Recipe {
        schedule: Schedule::ReduceOnPlateau(plateau),
        warm_up: Some(WarmUp { steps: 5, start_factor: 0.2 }),
        clip: Some(Clip::Norm(0.3)),
        early_stopping: Some(EarlyStopping { patience: 20, min_delta: 0.0, restore_best: true }),
        ..case.optimizer.into()
    }
}

/// The run of `recipe` in batches of 4: of all 23 rows, or of 19 with 4 held back.
fn run_watched(case: &Case, steps: u64, held_back: usize, from: Option<Report<f64>>) -> Report<f64> {
    let mut model = case.objective();
    let plan = Plan::new(ROWS - held_back, Length::Steps(steps), Some(4), Some(9)).unwrap();
    let (parameters, state) = match from {
        Some(report) => (report.last_parameters.unwrap_or(report.parameters), Some(report.state)),
        None => (Init::Linear.draw(&case.mlp, 1), None),
    };
    let plan = plan.hold_back(held_back);
    let mut trainer = Trainer::new(&mut model, watchful(case), plan, parameters, state).unwrap();
    while trainer.step(&Interrupt::never()).unwrap().is_some() {}
    trainer.finish(&Interrupt::never()).unwrap()
}

#[test]
fn what_epochs_decide_continues_from_any_step_too() {
    let case = Case::new();
    for held_back in [0, 4] {
        let whole = run_watched(&case, 40, held_back, None);
        let plateau = whole.state.watch.plateau.unwrap();
        assert!(plateau.learning_rate < 0.05, "the plateau was reached: {plateau:?}");
        assert_eq!(whole.last_parameters.is_some(), whole.state.watch.best.is_some());
        for cut in 1..40 {
            let first = run_watched(&case, cut, held_back, None);
            let second = run_watched(&case, 40, held_back, Some(first));
            assert_eq!(second.state, whole.state, "{held_back} rows held back, cut at {cut}");
            assert_eq!(second.parameters, whole.parameters);
            assert_eq!(second.last_parameters, whole.last_parameters);
            assert_eq!(second.validation_loss, whole.validation_loss);
        }
    }
}

/// A bowl whose loss alone, which a run asks for at the end of an epoch, is interrupted once.
struct Interrupting {
    bowl: Bowl,
    interrupted: bool,
}

impl Model<f64> for Interrupting {
    fn parameters(&self) -> usize {
        self.bowl.parameters
    }
    fn rows(&self) -> usize {
        3
    }
    fn loss(&mut self, parameters: &[f64], rows: Rows<'_>, interrupt: &Interrupt) -> Result<f64, Error> {
        if !std::mem::replace(&mut self.interrupted, true) {
            return Err(Interrupted::Cancelled.into());
        }
        self.bowl.loss(parameters, rows, interrupt)
    }
    fn loss_and_gradient(
        &mut self,
        parameters: &[f64],
        rows: Rows<'_>,
        gradient: &mut [f64],
        interrupt: &Interrupt,
    ) -> Result<f64, Error> {
        self.bowl.loss_and_gradient(parameters, rows, gradient, interrupt)
    }
}

#[test]
fn an_epoch_whose_validation_was_interrupted_is_judged_once_more() {
    let run = |interrupted| {
        let mut model = Interrupting { bowl: Bowl { parameters: 2 }, interrupted };
        let plan = Plan::new(2, Length::Epochs(3), Some(1), None).unwrap().hold_back(1);
        let sgd = Optimizer::Sgd(Sgd::new(0.1).unwrap());
        let mut trainer = Trainer::new(&mut model, sgd, plan, vec![1.0, 4.0], None).unwrap();
        let mut interrupts = 0;
        loop {
            match trainer.step(&Interrupt::never()) {
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(Error::Interrupted(_)) => {
                    interrupts += 1;
                    assert_eq!(trainer.state().step, 2);
                }
                Err(other) => panic!("{other}"),
            }
        }
        assert_eq!(interrupts, u32::from(!interrupted));
        trainer.finish(&Interrupt::never()).unwrap()
    };
    let smooth = run(true);
    assert_eq!(smooth.validation_history.step, [2, 4, 6]);
    assert_eq!(run(false), smooth);
}

#[test]
fn training_learns() {
    let case = Case::new();
    let short = case.run(Length::Steps(1), None);
    let long = case.run(Length::Epochs(400), None);
    assert!(long.loss < 0.2 * short.loss, "{} then {}", short.loss, long.loss);
    assert!(long.history.step.len() <= 1000);
    assert_eq!(long.history.step.last(), Some(&2400));
}

#[test]
fn foreign_states_are_refused() {
    let case = Case::new();
    let start = |step, buffers| {
        let mut model = case.objective();
        let plan = Plan::new(ROWS, Length::Steps(9), None, None).unwrap();
        let state = State { step, optimizer: OptimizerState { buffers }, watch: Watch::default() };
        let parameters = vec![0.0; case.mlp.parameters()];
        match Trainer::new(&mut model, case.optimizer, plan, parameters, Some(state)) {
            Err(Error::State(error)) => error,
            other => panic!("{other:?}"),
        }
    };
    let (buffer, expected) = (std::borrow::Cow::Borrowed("velocity"), case.mlp.parameters());
    let number = |step, expected, actual| StateError::Buffers { optimizer: "sgd", expected, actual, step };
    assert_eq!(start(3, vec![]), number(3, 1, 0));
    assert_eq!(start(0, vec![vec![0.0; expected]]), number(0, 0, 1));
    assert_eq!(
        start(3, vec![vec![0.0; 4]]),
        StateError::Length { buffer: buffer.clone(), expected, actual: 4 }
    );
    assert_eq!(start(10, vec![vec![0.0; expected]]), StateError::PastTheEnd { step: 10, total: 9 });
    let mut values = vec![0.0; expected];
    values[5] = f64::INFINITY;
    assert_eq!(start(3, vec![values]), StateError::NotFinite { buffer, index: 5, value: f64::INFINITY });
}

#[test]
fn parameters_are_checked() {
    let case = Case::new();
    let start = |parameters| {
        let mut model = case.objective();
        let plan = Plan::new(ROWS, Length::Steps(9), None, None).unwrap();
        Trainer::new(&mut model, case.optimizer, plan, parameters, None).unwrap_err()
    };
    assert!(matches!(start(vec![0.0; 3]), Error::Parameters { expected: 25, actual: 3 }));
    let mut parameters = vec![0.0; 25];
    parameters[20] = f64::NAN;
    assert!(matches!(start(parameters), Error::ParameterNotFinite { index: 20, value } if value.is_nan()));
}

/// The sum of (p - row)² over rows and parameters: a model that is no network.
struct Bowl {
    parameters: usize,
}

impl Model<f64> for Bowl {
    fn parameters(&self) -> usize {
        self.parameters
    }
    fn rows(&self) -> usize {
        3
    }
    fn loss(&mut self, parameters: &[f64], rows: Rows<'_>, interrupt: &Interrupt) -> Result<f64, Error> {
        let mut unused = vec![0.0; self.parameters];
        self.loss_and_gradient(parameters, rows, &mut unused, interrupt)
    }
    fn loss_and_gradient(
        &mut self,
        parameters: &[f64],
        rows: Rows<'_>,
        gradient: &mut [f64],
        _: &Interrupt,
    ) -> Result<f64, Error> {
        gradient.fill(0.0);
        let mut loss = 0.0;
        for row in (0..rows.len(3)).map(|position| rows.get(position)) {
            for (g, p) in gradient.iter_mut().zip(parameters) {
                let d = p - row as f64;
                loss += d * d;
                *g += 2.0 * d;
            }
        }
        Ok(loss)
    }
}

fn bowl_trainer(model: &mut Bowl, learning_rate: f64, start: f64) -> Trainer<'_, f64, Bowl> {
    let plan = Plan::new(3, Length::Steps(2000), None, None).unwrap();
    let mut parameters = vec![1.0; model.parameters];
    parameters[model.parameters - 1] = start;
    let optimizer = Optimizer::Sgd(Sgd::new(learning_rate).unwrap());
    Trainer::new(model, optimizer, plan, parameters, None).unwrap()
}

#[test]
fn any_model_can_be_trained() {
    let mut model = Bowl { parameters: 20 };
    let report = bowl_trainer(&mut model, 0.05, 4.0).run(&Interrupt::never()).unwrap();
    assert!(report.parameters.iter().all(|p| (p - 1.0).abs() < 1e-12));
    assert!((report.loss - 40.0).abs() < 1e-9);
}

#[test]
fn divergence_names_step_loss_and_parameter() {
    // p - 1 is multiplied by -5 in each step; its square passes the largest number long before it does.
    let mut model = Bowl { parameters: 20 };
    let error = bowl_trainer(&mut model, 1.0, 4.0).run(&Interrupt::never()).unwrap_err();
    let Error::Diverged(divergence) = error else { panic!("{error:?}") };
    assert_eq!((divergence.loss, divergence.parameter), (f64::INFINITY, None));
    assert!(divergence.previous_loss.unwrap() > 1e300);
    // 3 * 9 * 25^(step - 1) > 1.8e308
    assert_eq!(divergence.step, 221);
    assert!(Error::Diverged(divergence).to_string().contains("step 221: the loss became inf"));

    // A finite loss, but a step that leaves the range of numbers.
    let error = bowl_trainer(&mut model, 1e308, 4.0).run(&Interrupt::never()).unwrap_err();
    let Error::Diverged(divergence) = error else { panic!("{error:?}") };
    assert_eq!((divergence.step, divergence.parameter, divergence.previous_loss), (1, Some(19), None));
    assert_eq!(divergence.loss, 3.0 * 9.0 + 40.0);
}

#[test]
fn a_loss_of_nan_keeps_the_parameters_before_it() {
    let mut model = Bowl { parameters: 2 };
    let mut trainer = bowl_trainer(&mut model, 1.0, 4.0);
    let mut before = trainer.parameters().to_vec();
    while trainer.step(&Interrupt::never()).is_ok() {
        before = trainer.parameters().to_vec();
    }
    assert_eq!(trainer.parameters(), before);
    assert!(before.iter().all(|p| p.is_finite()));
}

#[test]
fn an_interrupted_run_can_go_on() {
    let case = Case::new();
    let whole = case.run(Length::Steps(11), None);
    let mut model = case.objective();
    let plan = Plan::new(ROWS, Length::Steps(11), Some(4), Some(9)).unwrap();
    let mut trainer =
        Trainer::new(&mut model, case.optimizer, plan, Init::Linear.draw(&case.mlp, 1), None).unwrap();
    let interrupt = Interrupt::never();
    for number in 1..=5 {
        let step = trainer.step(&interrupt).unwrap().unwrap();
        assert_eq!((step.step, step.epoch), (number, 1));
    }
    interrupt.cancel();
    assert!(matches!(trainer.step(&interrupt), Err(Error::Interrupted(Interrupted::Cancelled))));
    assert_eq!(trainer.state().step, 5);
    assert_eq!(trainer.run(&Interrupt::never()).unwrap(), whole);
}
