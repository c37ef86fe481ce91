//! Words on the wire that stand for a value of the library, from the library's own lists.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error, Visitor};
use serde::ser::{Serialize, Serializer};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use crate::{nn, train};

/// A wire type that holds one of the library's named values.
pub(super) trait Choice: Sized {
    type Value: Copy + 'static;
    const ALL: &'static [(&'static str, Self::Value)];
    fn of(value: Self::Value) -> Self;
}

/// Reads one of the names of `C`.
pub(super) fn deserialize<'de, C: Choice, D: Deserializer<'de>>(deserializer: D) -> Result<C, D::Error> {
    deserializer.deserialize_str(ChoiceVisitor(PhantomData))
}

struct ChoiceVisitor<C>(PhantomData<C>);

impl<C: Choice> Visitor<'_> for ChoiceVisitor<C> {
    type Value = C;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("one of the names ")?;
        for (i, (name, _)) in C::ALL.iter().enumerate() {
            write!(f, "{}`{name}`", if i == 0 { "" } else { ", " })?;
        }
        Ok(())
    }

    fn visit_str<E: Error>(self, word: &str) -> Result<C, E> {
        match C::ALL.iter().find(|(name, _)| *name == word) {
            Some((_, value)) => Ok(C::of(*value)),
            None => Err(E::custom(format_args!("unknown variant `{word}`, expected {}", Expected(self)))),
        }
    }
}

struct Expected<V>(V);

impl<'de, V: Visitor<'de>> fmt::Display for Expected<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(f)
    }
}

macro_rules! choices {
    ($($(#[doc = $doc:literal])+ $wire:ident($value:ty) as $name:literal;)*) => {$(
        $(#[doc = $doc])+
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct $wire(pub $value);

        impl Choice for $wire {
            type Value = $value;
            const ALL: &'static [(&'static str, $value)] = &<$value>::ALL;
            fn of(value: $value) -> Self {
                Self(value)
            }
        }

        impl<'de> Deserialize<'de> for $wire {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                self::deserialize(deserializer)
            }
        }

        impl Serialize for $wire {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let name = <$value>::ALL.iter().find(|(_, value)| *value == self.0);
                serializer.serialize_str(name.expect("every value has a name").0)
            }
        }

        impl PartialSchema for $wire {
            fn schema() -> RefOr<Schema> {
                ObjectBuilder::new()
                    .schema_type(Type::String)
                    .enum_values(Some(<$value>::ALL.iter().map(|(name, _)| *name)))
                    .description(Some(concat!($($doc),+).trim()))
                    .into()
            }
        }

        impl ToSchema for $wire {
            fn name() -> std::borrow::Cow<'static, str> {
                $name.into()
            }
        }
    )*};
}

choices! {
    /// What a layer applies to each of its units. `gelu` is the one by the error function; the slope of `leaky_relu`
    /// below 0 is 0.01.
    ActivationName(nn::Activation) as "Activation";

    /// What training minimises, with PyTorch's definitions. `bce_with_logits` takes targets in [0, 1], `cross_entropy`
    /// classes or rows of probabilities, `hinge` targets of -1 or 1.
    LossName(nn::Loss) as "Loss";

    /// How parameters are drawn. `linear` is what PyTorch's `nn.Linear` does: uniform on ±1/√inputs. The others draw
    /// weights by the rule of that name and set biases to 0.
    InitName(nn::Init) as "Init";

    /// The shape in which a rate rises or falls: half a cosine wave, or a line.
    AnnealName(train::Anneal) as "AnnealStrategy";

    /// An improvement is a loss below best (1 - threshold), or below best - threshold.
    ThresholdModeName(train::ThresholdMode) as "ThresholdMode";

    /// How far to go along a direction: `learning_rate`, untested, or to where the strong Wolfe conditions hold.
    LineSearchName(train::LineSearch) as "LineSearch";
}
