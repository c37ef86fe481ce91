//! The portable streams: literal numbers, and what `tests/fixtures/nn/generate.py` makes of the documented algorithm.

use gradd::engine::Interrupt;
use gradd::engine::kernels::Real;
use gradd::nn::random::{Domain, Stream};
use gradd::nn::{Activation, Init, Loss};
use gradd::train::{Error, Length, Model, Optimizer, Plan, Rows, Sgd, Trainer};

use crate::support::{assert_close, fixture, flat, mlp};

const BITS: [u64; 4] =
    [0x3047_2cd6_df69_639d, 0x97a6_3af0_80f2_986e, 0x1b94_d126_b5e9_4285, 0x83f3_db32_694f_8285];
const NORMALS: [f64; 2] = [-0.5406110079284431, -0.3545329343906702];

#[test]
fn the_stream_is_pinned() {
    let mut stream = Stream::new(1, Domain::Parameters, 0);
    let bits: Vec<u64> = (0..4).map(|_| stream.bits()).collect();
    assert_eq!(bits, BITS);
    let words = fixture("random.json")["bits"].clone();
    let words: Vec<u64> =
        words.as_array().unwrap().iter().map(|word| word.as_str().unwrap().parse().unwrap()).collect();
    assert_eq!(bits, words);

    let mut stream = Stream::new(1, Domain::Parameters, 0);
    let uniform = stream.uniform();
    assert_eq!(uniform, (BITS[0] >> 11) as f64 / 9_007_199_254_740_992.0);
    let mut stream = Stream::new(1, Domain::Parameters, 0);
    assert_eq!([stream.normal(), stream.normal()], NORMALS);
}

#[test]
fn seeds_domains_and_indices_have_streams_of_their_own() {
    let names = [
        (1, Domain::Parameters, 0),
        (2, Domain::Parameters, 0),
        (1, Domain::Shuffle, 0),
        (1, Domain::Parameters, 1),
        (0, Domain::Parameters, 1),
    ];
    let mut firsts: Vec<u64> =
        names.iter().map(|&(seed, domain, index)| Stream::new(seed, domain, index).bits()).collect();
    firsts.sort_unstable();
    firsts.dedup();
    assert_eq!(firsts.len(), names.len());
}

#[test]
fn initial_parameters_follow_their_rules() {
    let fixture = fixture("random.json");
    let model = mlp(3, &[(4, Activation::Tanh), (2, Activation::Linear)], Loss::Mse);
    for (name, init) in Init::ALL {
        let expected = flat(&fixture["init"][name]);
        // The standard library's and musl's logarithm and cosine may differ in the last bit.
        assert_close(&init.draw::<f64>(&model, 42), &expected, 1e-15, 0.1, name);
        let single: Vec<f32> = init.draw(&model, 42);
        let rounded: Vec<f32> = init.draw::<f64>(&model, 42).iter().map(|&x| x as f32).collect();
        assert_eq!(single, rounded);
    }
}

/// A model that notes the order in which it is asked for rows.
struct Recorder(Vec<u32>);

impl Model<f64> for Recorder {
    fn parameters(&self) -> usize {
        1
    }
    fn rows(&self) -> usize {
        13
    }
    fn loss(&mut self, _: &[f64], _: Rows<'_>, _: &Interrupt) -> Result<f64, Error> {
        Ok(0.0)
    }
    fn loss_and_gradient(
        &mut self,
        _: &[f64],
        rows: Rows<'_>,
        gradient: &mut [f64],
        _: &Interrupt,
    ) -> Result<f64, Error> {
        gradient.fill(f64::ZERO);
        self.0.extend((0..rows.len(13)).map(|position| rows.get(position) as u32));
        Ok(0.0)
    }
}

#[test]
fn shuffles_are_the_documented_permutations() {
    let mut recorder = Recorder(Vec::new());
    let plan = Plan::new(13, Length::Epochs(3), Some(5), Some(7)).unwrap();
    let optimizer = Optimizer::Sgd(Sgd::new(1.0).unwrap());
    Trainer::new(&mut recorder, optimizer, plan, vec![0.0], None).unwrap().run(&Interrupt::never()).unwrap();
    let expected: Vec<u32> = flat(&fixture("random.json")["orders"]).iter().map(|&row| row as u32).collect();
    assert_eq!(recorder.0, expected);
}
