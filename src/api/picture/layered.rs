//! Where boxes and edges lie: a layered layout from left to right, after Sugiyama, Tagawa and Toda (1981).
//!
//! 1. A box stands in the layer after the last of its operands, a leaf right before the first box that uses it.
//! 2. An edge over several layers gets a *bend* in each layer that it crosses; edges from one box share theirs.
//! 3. Layers are sorted by the mean position of neighbours, back and forth; the order with the fewest crossings is kept.
//! 4. Heights are the least-squares solution that keeps order and distance, by pooling adjacent violators.
//!
//! Every step is linear in boxes and bends, but for sorting, polls the interrupt, and depends on nothing but its input.

use crate::engine::interrupt::Poll;
use crate::engine::{Interrupt, Interrupted};

/// Between two layers, and between two boxes of one.
const GAP_X: f64 = 56.0;
const GAP_Y: f64 = 16.0;
/// What a bend takes of a layer's height.
const BEND: f64 = 6.0;
/// Beyond these, edges run straight through what lies between.
const MOST_BENDS: usize = 50_000;
const SORTS: usize = 16;
const SETTLES: usize = 12;

/// A layout.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Layout {
    /// Of everything.
    pub width: f64,
    /// Of everything.
    pub height: f64,
    /// The centre of each box.
    pub centers: Vec<(f64, f64)>,
    /// For each operand of each box, where its edge begins, bends and ends.
    pub routes: Vec<Vec<Vec<(f64, f64)>>>,
}

/// Places boxes of these sizes. The operands of a box come before it.
pub fn place(
    sizes: &[(f64, f64)],
    operands: &[Vec<usize>],
    interrupt: &Interrupt,
) -> Result<Layout, Interrupted> {
    let mut poll = Poll::new(interrupt);
    let layer_of = layers(operands);
    let mut net = Net::new(sizes, operands, &layer_of);
    net.sort(&mut poll)?;
    let ys = net.settle(&mut poll)?;
    Ok(net.finish(sizes, operands, &layer_of, &ys))
}

fn layers(operands: &[Vec<usize>]) -> Vec<usize> {
    let mut layers: Vec<usize> = vec![0; operands.len()];
    for (i, operands) in operands.iter().enumerate() {
        layers[i] = operands.iter().map(|&operand| layers[operand] + 1).max().unwrap_or(0);
    }
    let mut first_use = vec![usize::MAX; operands.len()];
    for (i, operands) in operands.iter().enumerate() {
        operands.iter().for_each(|&operand| first_use[operand] = first_use[operand].min(layers[i]));
    }
    for (i, first_use) in first_use.into_iter().enumerate() {
        if operands[i].is_empty() && first_use != usize::MAX {
            layers[i] = first_use - 1;
        }
    }
    layers
}

/// Boxes and bends, *knots* in common: boxes first.
struct Net {
    /// The knots of each layer, from top to bottom.
    layers: Vec<Vec<usize>>,
    heights: Vec<f64>,
    /// Neighbours in the layer before, and in the one after.
    left: Vec<Vec<usize>>,
    right: Vec<Vec<usize>>,
    /// The bends of edges from each box, by layer.
    bends: Vec<Vec<usize>>,
}

impl Net {
    fn new(sizes: &[(f64, f64)], operands: &[Vec<usize>], layer_of: &[usize]) -> Self {
        let count = sizes.len();
        let mut net = Net {
            layers: vec![Vec::new(); layer_of.iter().max().map_or(0, |last| last + 1)],
            heights: sizes.iter().map(|size| size.1).collect(),
            left: vec![Vec::new(); count],
            right: vec![Vec::new(); count],
            bends: vec![Vec::new(); count],
        };
        for (knot, &layer) in layer_of.iter().enumerate() {
            net.layers[layer].push(knot);
        }
        for (user, operands) in operands.iter().enumerate() {
            for &operand in operands {
                let crossed = layer_of[user] - layer_of[operand] - 1;
                if let Some(last) = net.bend(operand, crossed, layer_of[operand]) {
                    net.join(last, user);
                }
            }
        }
        net
    }

    /// The knot where an edge from `operand` leaves the last of the layers that it crosses; `None` if bends have run out.
    fn bend(&mut self, operand: usize, crossed: usize, layer: usize) -> Option<usize> {
        while self.bends[operand].len() < crossed {
            if self.heights.len() - self.bends.len() >= MOST_BENDS {
                return None;
            }
            let (bend, before) = (self.heights.len(), self.bends[operand].last().copied().unwrap_or(operand));
            self.heights.push(BEND);
            self.left.push(Vec::new());
            self.right.push(Vec::new());
            self.join(before, bend);
            self.bends[operand].push(bend);
            self.layers[layer + self.bends[operand].len()].push(bend);
        }
        Some(if crossed == 0 { operand } else { self.bends[operand][crossed - 1] })
    }

    fn join(&mut self, left: usize, right: usize) {
        self.right[left].push(right);
        self.left[right].push(left);
    }

    fn is_bend(&self, knot: usize) -> bool {
        knot >= self.bends.len()
    }

    /// The order with the fewest crossings that was seen.
    fn sort(&mut self, poll: &mut Poll<'_>) -> Result<(), Interrupted> {
        let mut best = (self.crossings(), self.layers.clone());
        let mut position = vec![0.0; self.heights.len()];
        for layer in &self.layers {
            note_positions(layer, &mut position);
        }
        for turn in 0..SORTS {
            if best.0 == 0 {
                break;
            }
            let forth = turn % 2 == 0;
            let neighbours = if forth { &self.left } else { &self.right };
            for i in 0..self.layers.len() {
                let layer = if forth { i } else { self.layers.len() - 1 - i };
                let key = |&knot: &usize| mean(&neighbours[knot], &position).unwrap_or(position[knot]);
                self.layers[layer].sort_by(|a, b| key(a).total_cmp(&key(b)));
                note_positions(&self.layers[layer], &mut position);
                poll.after(10 * self.layers[layer].len())?;
            }
            let crossings = self.crossings();
            if crossings < best.0 {
                best = (crossings, self.layers.clone());
            }
        }
        self.layers = best.1;
        Ok(())
    }

    /// How many pairs of edges cross: inversions of their ends, counted with a Fenwick tree.
    fn crossings(&self) -> usize {
        let mut position = vec![0; self.heights.len()];
        for layer in &self.layers {
            layer.iter().enumerate().for_each(|(i, &knot)| position[knot] = i);
        }
        let mut crossings = 0;
        for layer in &self.layers {
            let mut ends = Vec::new();
            for &knot in layer {
                let from = ends.len();
                ends.extend(self.right[knot].iter().map(|&end| position[end]));
                ends[from..].sort_unstable();
            }
            let mut tree = vec![0usize; ends.iter().max().map_or(0, |last| last + 2)];
            for (before, &end) in ends.iter().enumerate() {
                let (mut i, mut not_below) = (end + 1, 0);
                while i > 0 {
                    not_below += tree[i];
                    i &= i - 1;
                }
                crossings += before - not_below;
                let mut i = end + 1;
                while i < tree.len() {
                    tree[i] += 1;
                    i += i & i.wrapping_neg();
                }
            }
        }
        crossings
    }

    /// The height of each knot's centre.
    fn settle(&self, poll: &mut Poll<'_>) -> Result<Vec<f64>, Interrupted> {
        let mut ys = vec![0.0; self.heights.len()];
        for layer in &self.layers {
            let mut y = 0.0;
            for (i, &knot) in layer.iter().enumerate() {
                y += if i == 0 { 0.0 } else { self.distance(layer[i - 1], knot) };
                ys[knot] = y;
            }
            // All layers begin with the same middle.
            layer.iter().for_each(|&knot| ys[knot] -= y / 2.0);
        }
        for turn in 0..SETTLES {
            for i in 0..self.layers.len() {
                let layer = &self.layers[if turn % 2 == 0 { i } else { self.layers.len() - 1 - i }];
                let wanted: Vec<f64> = layer.iter().map(|&knot| self.wanted(knot, turn, &ys)).collect();
                self.keep_apart(layer, &wanted, &mut ys);
                poll.after(10 * layer.len())?;
            }
        }
        Ok(ys)
    }

    /// Where `knot` would like to be: in the middle of those on the side that was settled before, in the end of all.
    fn wanted(&self, knot: usize, turn: usize, ys: &[f64]) -> f64 {
        let (left, right) = (mean(&self.left[knot], ys), mean(&self.right[knot], ys));
        let wanted = match (left, right) {
            (Some(left), Some(right)) if turn + 2 >= SETTLES => Some(f64::midpoint(left, right)),
            (left, right) if turn.is_multiple_of(2) => left.or(right),
            (left, right) => right.or(left),
        };
        wanted.unwrap_or(ys[knot])
    }

    fn distance(&self, above: usize, below: usize) -> f64 {
        let gap = if self.is_bend(above) || self.is_bend(below) { GAP_Y / 2.0 } else { GAP_Y };
        f64::midpoint(self.heights[above], self.heights[below]) + gap
    }

    /// Puts the knots of `layer` as near to where they are `wanted` as their order and distances allow. Without the
    /// distances it is a regression on an order, which pooling adjacent violators solves.
    fn keep_apart(&self, layer: &[usize], wanted: &[f64], ys: &mut [f64]) {
        let mut offset = 0.0;
        let mut offsets = Vec::with_capacity(layer.len());
        // Blocks of knots that stick together: where they are, how heavy, how many.
        let mut blocks: Vec<(f64, f64, usize)> = Vec::new();
        for (i, &knot) in layer.iter().enumerate() {
            offset += if i == 0 { 0.0 } else { self.distance(layer[i - 1], knot) };
            offsets.push(offset);
            // Straight long edges are worth more than boxes in the middle.
            let mut block = (wanted[i] - offset, if self.is_bend(knot) { 4.0 } else { 1.0 }, 1);
            while let Some(&(y, weight, count)) = blocks.last().filter(|last| last.0 >= block.0) {
                blocks.pop();
                let both = weight + block.1;
                block = ((y * weight + block.0 * block.1) / both, both, count + block.2);
            }
            blocks.push(block);
        }
        let pooled = blocks.iter().flat_map(|&(y, _, count)| std::iter::repeat_n(y, count));
        for ((&knot, offset), y) in layer.iter().zip(offsets).zip(pooled) {
            ys[knot] = y + offset;
        }
    }

    fn finish(
        &self,
        sizes: &[(f64, f64)],
        operands: &[Vec<usize>],
        layer_of: &[usize],
        ys: &[f64],
    ) -> Layout {
        let top =
            ys.iter().zip(&self.heights).map(|(y, height)| y - height / 2.0).fold(f64::INFINITY, f64::min);
        let bottom = ys
            .iter()
            .zip(&self.heights)
            .map(|(y, height)| y + height / 2.0)
            .fold(f64::NEG_INFINITY, f64::max);
        let mut edges = Vec::with_capacity(self.layers.len());
        let mut x = 0.0;
        for layer in &self.layers {
            let boxes = layer.iter().filter(|knot| !self.is_bend(**knot));
            let width = boxes.map(|&knot| sizes[knot].0).fold(0.0, f64::max);
            edges.push((x, x + width));
            x += width + GAP_X;
        }
        let place = |knot: usize| ys[knot] - top;
        let route = |user: usize, operand: usize| {
            let (first, last) = (layer_of[operand], layer_of[user]);
            let crossed = &self.bends[operand][..self.bends[operand].len().min(last - first - 1)];
            let mut route = vec![(edges[first].0 + sizes[operand].0, place(operand))];
            for (i, &bend) in crossed.iter().enumerate() {
                let (left, right) = edges[first + 1 + i];
                route.extend([(left, place(bend)), (right, place(bend))]);
            }
            route.push((edges[last].0, place(user)));
            route
        };
        Layout {
            width: x - GAP_X,
            height: bottom - top,
            centers: (0..sizes.len())
                .map(|knot| (edges[layer_of[knot]].0 + sizes[knot].0 / 2.0, place(knot)))
                .collect(),
            routes: operands
                .iter()
                .enumerate()
                .map(|(user, operands)| operands.iter().map(|&operand| route(user, operand)).collect())
                .collect(),
        }
    }
}

fn note_positions(layer: &[usize], position: &mut [f64]) {
    // Between 0 and 1, so that layers of different length are compared fairly.
    let length = layer.len() as f64;
    layer.iter().enumerate().for_each(|(i, &knot)| position[knot] = (i as f64 + 0.5) / length);
}

fn mean(knots: &[usize], of: &[f64]) -> Option<f64> {
    if knots.is_empty() {
        return None;
    }
    Some(knots.iter().map(|&knot| of[knot]).sum::<f64>() / knots.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Boxes of a random graph do not overlap, edges run from left to right, and twice the same is the same.
    #[test]
    fn boxes_keep_apart_and_edges_run_to_the_right() {
        let mut state = 1u64;
        let mut random = |below: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize % below
        };
        for count in [1, 2, 5, 40, 300] {
            let sizes: Vec<(f64, f64)> =
                (0..count).map(|_| (20.0 + random(80) as f64, 20.0 + random(20) as f64)).collect();
            let operands: Vec<Vec<usize>> = (0..count)
                .map(|i| if i == 0 { vec![] } else { (0..random(4)).map(|_| random(i)).collect() })
                .collect();
            let layout = place(&sizes, &operands, &Interrupt::never()).expect("no interrupt");
            assert_eq!(layout, place(&sizes, &operands, &Interrupt::never()).expect("no interrupt"));
            for (i, (a, size)) in layout.centers.iter().zip(&sizes).enumerate() {
                assert!(a.0 - size.0 / 2.0 >= -1e-9 && a.0 + size.0 / 2.0 <= layout.width + 1e-9);
                assert!(a.1 - size.1 / 2.0 >= -1e-9 && a.1 + size.1 / 2.0 <= layout.height + 1e-9);
                for (b, other) in layout.centers.iter().zip(&sizes).skip(i + 1) {
                    let apart_x = (a.0 - b.0).abs() - f64::midpoint(size.0, other.0);
                    let apart_y = (a.1 - b.1).abs() - f64::midpoint(size.1, other.1);
                    assert!(apart_x > 1.0 || apart_y > 1.0, "{a:?} and {b:?} overlap");
                }
            }
            for route in layout.routes.iter().flatten() {
                assert!(route.windows(2).all(|ends| ends[0].0 <= ends[1].0), "{route:?}");
            }
        }
    }
}
