//! Large matrix products, by the crate `matrixmultiply`.
#![allow(unsafe_code)]

/// A matrix inside a slice: element `(i, j)` lies at `i * strides[0] + j * strides[1]`.
#[derive(Debug)]
pub struct Strided<S> {
    /// The elements.
    pub values: S,
    /// Rows and columns.
    pub shape: [usize; 2],
    /// Steps from row to row and from column to column.
    pub strides: [usize; 2],
}

impl<S> Strided<S> {
    /// The position after the last element, 0 if there is none.
    fn extent(&self) -> usize {
        let [rows, columns] = self.shape;
        if rows == 0 || columns == 0 {
            return 0;
        }
        (rows - 1) * self.strides[0] + (columns - 1) * self.strides[1] + 1
    }
}

/// A float type that `matrixmultiply` has a product for.
pub trait Gemm: Sized {
    /// `to = a b`, or `to += a b` with `add`. Shapes `[m, k]`, `[k, n]` and `[m, n]`.
    ///
    /// # Panics
    /// If the shapes do not fit each other, or a slice is too short for its shape.
    fn gemm(to: Strided<&mut [Self]>, add: bool, a: Strided<&[Self]>, b: Strided<&[Self]>);
}

macro_rules! impl_gemm {
    ($t:ty, $function:path) => {
        impl Gemm for $t {
            fn gemm(to: Strided<&mut [Self]>, add: bool, a: Strided<&[Self]>, b: Strided<&[Self]>) {
                let ([m, k], [_, n]) = (a.shape, b.shape);
                assert!(b.shape[0] == k && to.shape == [m, n], "shapes fit");
                assert!(to.strides[1] == 1 && to.strides[0] >= n, "elements of the result do not overlap");
                assert!(to.extent() <= to.values.len(), "the result fits its slice");
                assert!(a.extent() <= a.values.len() && b.extent() <= b.values.len(), "operands fit their slices");
                let ([ra, ca], [rb, cb], [rt, ct]) = (
                    a.strides.map(|s| s as isize),
                    b.strides.map(|s| s as isize),
                    to.strides.map(|s| s as isize),
                );
                let keep = if add { 1.0 } else { 0.0 };
                // SAFETY: every element that the shapes and strides reach lies inside its slice, the elements of `to` are
                // distinct, and `to` is borrowed mutably, so that it overlaps neither `a` nor `b`.
                unsafe {
                    $function(
                        m,
                        k,
                        n,
                        1.0,
                        a.values.as_ptr(),
                        ra,
                        ca,
                        b.values.as_ptr(),
                        rb,
                        cb,
                        keep,
                        to.values.as_mut_ptr(),
                        rt,
                        ct,
                    );
                }
            }
        }
    };
}

impl_gemm!(f64, matrixmultiply::dgemm);
impl_gemm!(f32, matrixmultiply::sgemm);
