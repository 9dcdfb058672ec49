"""A checkpoint as the published benchmarks ask it, against transformers alone and one sequence at a time."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from support import checkpoints
from transformers import AutoModelForMaskedLM, AutoTokenizer

from audit.checkpoints.load import load_checkpoint
from audit.errors import CheckpointError, IncompleteError
from audit.options import Options
from audit.scoring.likelihood import TorchModel
from audit.scoring.masked_lm import Encoded, Query, Unscorable, total_logp, word_queries

TEXTS = (
    "The White man worked as a nurse.",
    "A blacksmith, they said, is not the housekeeper!",
    "Doctor is what he is called.",
    "He is.",
)


@pytest.fixture(params=sorted(checkpoints.FAMILIES))
def folder(request, checkpoint_folder) -> Path:
    """A tiny checkpoint of each architecture."""
    return checkpoint_folder(request.param)


def asked(folder: Path, **wanted: object) -> TorchModel:
    """The checkpoint as benchmarks ask it."""
    return TorchModel(load_checkpoint(str(folder), Options(device="cpu")), **wanted)


@cache
def plain(folder: Path):
    """The model and its tokenizer as transformers loads them, with attention weights."""
    model = AutoModelForMaskedLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    return model, AutoTokenizer.from_pretrained(folder)


@torch.no_grad()
def logp(folder: Path, ids: tuple[int, ...]) -> torch.Tensor:
    """[L, V] of one sequence."""
    return plain(folder)[0](input_ids=torch.tensor([ids])).logits[0].log_softmax(-1)


def queries(model: TorchModel) -> list[Query]:
    """Each token of each text masked in turn, and the chain of each word."""
    found = []
    for text in model.encode(TEXTS):
        assert isinstance(text, Encoded)
        for at in range(len(text.ids)):
            found += word_queries(text.ids, (at,), model.mask_id)
        for word in text.words:
            found += word_queries(text.ids, word, model.mask_id, masked=[1])
    return found


def test_log_probabilities_are_those_of_one_sequence_at_a_time(folder):
    """Whatever is batched and left out, an answer is that of a plain forward pass with every logit, to 1e-4 nats."""
    model = asked(folder)
    wanted = queries(model)
    found = model.logp(wanted)
    for query, number in zip(wanted, found, strict=True):
        assert number == pytest.approx(float(logp(folder, query.ids)[query.at, query.wanted]), abs=1e-4)


def test_the_batch_changes_nothing(checkpoint_folder):
    """Whether all is asked together, one at a time, or in a batch of a few tokens, the answers are the same."""
    folder = checkpoint_folder("bert")
    wanted = queries(asked(folder))
    together = asked(folder).logp(wanted)
    apart = asked(folder)
    np.testing.assert_allclose([apart.logp([query])[0] for query in wanted], together, atol=1e-5)
    np.testing.assert_allclose(asked(folder, batch_tokens=20).logp(wanted), together, atol=1e-5)


class Counted:
    """Counts what it is told."""

    def __init__(self) -> None:
        self.begun, self.done = 0, 0

    def begin(self, count: int) -> None:
        """So many more."""
        self.begun += count

    def advance(self, count: int) -> None:
        """So many done."""
        self.done += count


def test_nothing_is_asked_twice(checkpoint_folder):
    """What was asked once is remembered, and who is told of it is told of each sequence once."""
    told = Counted()
    model = asked(checkpoint_folder("bert"), progress=told)
    wanted = queries(model)
    first = model.logp(wanted)
    frames = len({(query.ids, query.at) for query in wanted})
    assert told.begun == told.done == frames
    np.testing.assert_array_equal(model.logp(wanted[::-1]), first[::-1])
    assert told.begun == frames


def test_unmasked_is_the_likelihood_of_the_sentence_as_it_is(folder):
    """Each token's log-probability with nothing masked, and the attention that it gets from all, are those of a plain
    forward pass."""
    model = asked(folder)
    sentences = [text.ids for text in model.encode(TEXTS)]
    plainly = model.unmasked(sentences)
    for ids, (found, nothing) in zip(sentences, plainly, strict=True):
        wanted = logp(folder, ids)[range(len(ids)), list(ids)]
        np.testing.assert_allclose(found, wanted, atol=1e-4)
        assert nothing.size == 0
    attended = model.unmasked(sentences, attention=True)
    with torch.no_grad():
        for ids, (found, attention) in zip(sentences, attended, strict=True):
            np.testing.assert_allclose(found, plainly[sentences.index(ids)][0], atol=1e-4)
            layers = plain(folder)[0](input_ids=torch.tensor([ids]), output_attentions=True).attentions
            wanted = torch.stack([layer[0] for layer in layers]).mean(dim=(0, 1, 2))
            np.testing.assert_allclose(attention, wanted, atol=1e-5)
            assert attention.sum() == pytest.approx(1, abs=1e-5)


def test_the_attention_is_put_back(checkpoint_folder):
    """Asking for attention leaves the model with the kernels that it had."""
    model = asked(checkpoint_folder("bert"))
    before = model.checkpoint.model.config._attn_implementation
    model.unmasked([model.encode(TEXTS[:1])[0].ids], attention=True)
    assert model.checkpoint.model.config._attn_implementation == before


@pytest.mark.parametrize("fault", [ValueError("no eager attention"), AttributeError("no such setting")])
def test_a_model_without_attention_is_told(checkpoint_folder, monkeypatch, fault):
    """Where an architecture can't give its attention, that is an error in words, and never a score."""
    model = asked(checkpoint_folder("bert"))

    def refuse(_self: object, kind: str) -> None:
        if kind == "eager":
            raise fault

    ids = model.encode(TEXTS[:1])[0].ids
    monkeypatch.setattr(type(model.checkpoint.model), "set_attn_implementation", refuse)
    with pytest.raises(CheckpointError, match="gives no attention weights"):
        model.unmasked([ids], attention=True)


def test_completions_are_the_likeliest_tokens(folder):
    """The first answers at a gap and their probabilities are those of a plain forward pass; more than there are tokens
    is no fault."""
    model = asked(folder)
    frames = model.frames([("The man worked as a ", "."), ("", " is what he is called.")])
    answers, probs = model.completions(frames, 5)
    for frame, words, own in zip(frames, answers, probs, strict=True):
        top = logp(folder, frame.ids)[frame.at].exp().topk(5)
        np.testing.assert_allclose(own, top.values, atol=1e-4)
        assert words == tuple(plain(folder)[1].decode([int(token)]).strip() for token in top.indices)
    assert model.completions(frames[:1], 10**6)[1].shape[1] == model.checkpoint.info.vocabulary


def test_words_and_spans_are_the_tokenizers(folder):
    """A sentence's words hold all its tokens but the special ones once, and a span of characters finds its tokens."""
    model = asked(folder)
    for text, encoded in zip(TEXTS, model.encode(TEXTS), strict=True):
        assert isinstance(encoded, Encoded)
        assert encoded.text == text
        every = sorted(at for word in encoded.words for at in word)
        assert every == [at for at in range(len(encoded.ids)) if at not in encoded.special]
    encoded = model.encode([TEXTS[1]])[0]
    start = TEXTS[1].index("blacksmith")
    at = encoded.covering(start, start + len("blacksmith"))
    assert at
    assert model.text([encoded.ids[i] for i in at]).replace(" ", "").strip().lower() == "blacksmith"
    assert encoded.covering(start + 2, start + 4) == () or len(at) > 1


def test_texts_that_it_can_not_be_asked_about(folder):
    """A text that is too long, empty, or holds one of the tokenizer's special tokens isn't cut or read otherwise: the
    reason is told."""
    model = asked(folder)
    special = model.checkpoint.tokenizer
    sep = special.sep_token or special.eos_token
    long, empty, mask, framed = model.encode(
        ["he is " * 100, "", f"He is {model.mask_token} called.", f"He is {sep} called."]
    )
    assert isinstance(long, Unscorable)
    assert "longer than the" in long.reason
    for each in (empty, mask, framed):
        assert isinstance(each, Unscorable)


def test_unknown_words_are_seen(checkpoint_folder):
    """A sentence with a word that the vocabulary lacks says so."""
    model = asked(checkpoint_folder("bert"))
    known, unknown = model.encode(["He is called.", f"He is {checkpoints.UNKNOWN}."])
    assert not known.unknown
    assert unknown.unknown


def test_sums_of_groups():
    """Each group of queries is added up by itself; an empty one is 0."""

    class Ones:
        def logp(self, asked: list[Query]) -> np.ndarray:
            return -np.ones(len(asked))

    query = Query((1, 2), 0, 1)
    np.testing.assert_array_equal(total_logp(Ones(), [[query], [], [query, query], []]), [-1, 0, -2, 0])
    assert total_logp(Ones(), []).shape == (0,)


def test_a_logit_that_is_no_number_is_no_score(checkpoint_folder, tmp_path):
    """A checkpoint whose logits are NaN gives an error that names a sentence, masked or not."""
    folder = checkpoints.build("bert", tmp_path / "bert")
    model = asked(folder)
    with torch.no_grad():
        for parameter in model.checkpoint.model.cls.parameters():
            parameter.fill_(float("nan"))
    ids = model.encode(TEXTS[:1])[0].ids
    for ask in (lambda: model.logp(word_queries(ids, (1,), model.mask_id)), lambda: model.unmasked([ids])):
        with pytest.raises(IncompleteError, match="not a number"):
            ask()


def test_memory_that_runs_out_halves_the_batch(checkpoint_folder, monkeypatch):
    """Where memory runs out the batch is halved, and the answers are the same."""
    folder = checkpoint_folder("bert")
    wanted = queries(asked(folder))
    together = asked(folder).logp(wanted)
    model = asked(folder)
    real = model.checkpoint.mask_logits

    def scarce(ids: torch.Tensor, at: torch.Tensor) -> torch.Tensor:
        if len(ids) > 3:
            raise torch.OutOfMemoryError("out of memory")
        return real(ids, at)

    monkeypatch.setattr(type(model.checkpoint), "mask_logits", lambda _self, ids, at: scarce(ids, at))
    np.testing.assert_allclose(model.logp(wanted), together, atol=1e-5)
