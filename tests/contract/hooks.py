"""What schemathesis cannot know: two formats beside JSON, and requests that mean something."""

import cbor2
import hypothesis.strategies as st
import msgpack
import schemathesis


def within_64_bits(value):
    """JSON has integers of any length; the binary formats write those beyond 64 bits as floats."""
    if isinstance(value, dict):
        return {name: within_64_bits(member) for name, member in value.items()}
    if isinstance(value, list):
        return [within_64_bits(element) for element in value]
    if isinstance(value, int) and not -(2**63) <= value < 2**64:
        return float(value)
    return value


@schemathesis.serializer("application/cbor")
def to_cbor(context, value):
    return cbor2.dumps(within_64_bits(value))


@schemathesis.deserializer("application/cbor")
def from_cbor(context, response):
    return cbor2.loads(response.content)


@schemathesis.serializer("application/msgpack")
def to_message_pack(context, value):
    return msgpack.packb(within_64_bits(value))


@schemathesis.deserializer("application/msgpack")
def from_message_pack(context, response):
    return msgpack.unpackb(response.content)


@schemathesis.hook
def before_generate_case(context, strategy):
    """Puts the examples of the document in the place of every other well-formed request: what is made up hardly ever parses,
    so that few answers but problems would be seen, and no link could be followed."""
    content = context.operation.definition.raw.get("requestBody", {}).get("content", {})
    examples = [example["value"] for example in content.get("application/json", {}).get("examples", {}).values()]
    if not examples:
        return strategy

    def choose(case):
        if not case.meta.generation.mode.is_positive:
            return st.just(case)
        return st.one_of(st.none(), st.sampled_from(examples)).map(lambda body: replaced(case, body))

    return strategy.flatmap(choose)


def replaced(case, body):
    if body is not None:
        case.body = body
    return case


@schemathesis.hook
def before_call(context, case, kwargs):
    """A timeout may be as short as one likes, and then passes before the answer is there: that 504 is no failure."""
    timeout = case.body.get("timeout") if isinstance(case.body, dict) else None
    if isinstance(timeout, float | int) and not isinstance(timeout, bool) and 0 < timeout < 5:
        case.body["timeout"] = 5
