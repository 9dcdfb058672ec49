"""What the benchmark counts and hands out is what it says; its timings are for people to read."""

from __future__ import annotations

import time

import torch
from limit import Shape, attention_flops, head_flops, linear_flops
from subjects import draw_sample
from torch.utils.flop_counter import FlopCounterMode
from transformers import BertConfig, BertForMaskedLM
from turns import slices
from whole_run import OTHER, Clock, wrap_stages

SHAPE = Shape(layers=3, hidden=64, inner=160, vocabulary=500)
MASK, TOKENS, BATCH = 4, 14, 4


def tiny(attention: str) -> BertForMaskedLM:
    """A BERT of SHAPE."""
    config = BertConfig(
        vocab_size=SHAPE.vocabulary,
        hidden_size=SHAPE.hidden,
        num_hidden_layers=SHAPE.layers,
        num_attention_heads=4,
        intermediate_size=SHAPE.inner,
        attn_implementation=attention,
    )
    return BertForMaskedLM(config).eval()


def test_flops_are_those_that_torch_counts():
    """Encoder and head come to what torch's own counter sees in a model, a row of the head for each token there."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        tiny("eager")(input_ids=torch.full((BATCH, TOKENS), MASK))
    encoder = linear_flops(SHAPE, TOKENS) + attention_flops(SHAPE, TOKENS)
    assert counter.get_total_flops() == BATCH * (encoder + TOKENS * head_flops(SHAPE))


def test_the_sample_is_one_row_a_prompt():
    """Prompts of the sample await no article and differ, and any slice reaches from its first part to its last."""
    sample = draw_sample(96)
    assert len({prompt.text for prompt in sample}) == 96
    assert not any(prompt.article for prompt in sample)
    for part in slices(sample, 16):
        assert len(part) == 16
        assert sample.index(part[0]) < 8
        assert sample.index(part[-1]) > 87


def test_nested_stages_are_counted_once():
    """A stage's seconds leave out those of a stage within it, and all of them add up to the time that passed."""
    earliest, clock, start = time.perf_counter(), Clock(), time.perf_counter()
    inner = clock.wrapped("inner", lambda: time.sleep(0.02))
    clock.wrapped("outer", lambda: (inner(), time.sleep(0.01)))()
    end = time.perf_counter()
    clock.stop()
    latest = time.perf_counter()
    assert set(clock.seconds) == {OTHER, "inner", "outer"}
    assert clock.seconds["inner"] >= 0.02
    assert end - start - 1e-6 <= sum(clock.seconds.values()) <= latest - earliest + 1e-6


def test_the_stages_of_a_whole_run_are_there(monkeypatch):
    """Every function that the whole run times is in the product under that name."""
    wrapped = []
    monkeypatch.setattr(Clock, "wrapped", lambda self, stage, work: wrapped.append(stage) or work)
    wrap_stages(Clock())
    assert {"loading", "tokenising", "forward passes", "writing", "statistics"} <= set(wrapped)
