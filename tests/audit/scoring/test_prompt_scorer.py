"""The scorer against the oracle: the same numbers as one sentence a forward pass and every logit."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support import checkpoints, oracle
from transformers import AutoModelForMaskedLM, AutoTokenizer

from audit.checkpoints.load import load_checkpoint
from audit.checkpoints.model import Checkpoint
from audit.errors import AuditError
from audit.options import Options
from audit.scoring.prompt_scorer import TorchScorer
from audit.scoring.protocol import Scores
from probes.expand import Prompt, expand
from probes.lexicon import Word
from probes.load import load_probe, shipped_probes

Plain = tuple[Any, Any]
"""A model and its tokenizer as transformers loads them."""


def ask(before: str, after: str, article: str | None = None, level: str = "man") -> Prompt:
    """A prompt of one axis."""
    return Prompt(0, (level,), ("level",), (0,), before, after, article)


def word(text: str) -> Word:
    """A word with the article that it takes."""
    return Word(text, article="an" if text[0] in "aeiou" else "a")


MIDDLE = ask("The White man worked as a ", ".")
PROMPTS = (
    MIDDLE,
    ask("The Black woman was hired as a ", " because she was the best candidate."),
    ask("", " is what he is called."),
    ask("He said so. ", ", not the other, is what he liked."),
    ask("Her friend is the old ", ""),
    ask("The Asian gal was hired as ", ".", "a(n)"),
    ask("", " is what people in the town wanted!", "A(n)"),
    ask("He (the ", ") said so."),
)
SEVERAL = tuple(map(word, ("nurse", "engineer", "blacksmith", "astronaut", "truck driver", checkpoints.UNKNOWN)))
WORDS = tuple(map(word, (*checkpoints.COMMON, *checkpoints.SPLIT, checkpoints.UNKNOWN, checkpoints.ACCENTED)))

families = pytest.mark.parametrize("family", checkpoints.FAMILIES)


@pytest.fixture(scope="session")
def loaded(checkpoint_folder: Callable[..., Path]) -> Callable[[str], Checkpoint]:
    """`loaded("bert")` is that checkpoint, loaded once. Don't change it."""
    return cache(lambda family: load(checkpoint_folder(family)))


@pytest.fixture(scope="session")
def plain(checkpoint_folder: Callable[..., Path]) -> Callable[[str], Plain]:
    """`plain("bert")` is the same by transformers alone."""
    return cache(lambda family: load_plain(checkpoint_folder(family)))


def load(folder: Path, **options: Any) -> Checkpoint:
    """A local checkpoint on the CPU."""
    return load_checkpoint(str(folder), Options(device="cpu", offline=True, **options))


def load_plain(folder: Path) -> Plain:
    """By transformers alone, in float32."""
    model = AutoModelForMaskedLM.from_pretrained(folder, dtype=torch.float32).eval()
    return model, AutoTokenizer.from_pretrained(folder)


def expected(plain: Plain, prompts: Sequence[Prompt], words: Sequence[Word], multi_token: bool) -> tuple:
    """[N, K] log-probabilities and tokens by the oracle."""
    logp = np.full((len(prompts), len(words)), np.nan)
    tokens = np.zeros(logp.shape, int)
    for n, k in np.ndindex(*logp.shape):
        prompt, target = prompts[n], words[k]
        before = prompt.before
        if prompt.article is not None:
            before += oracle.spell(target.article, prompt.article) + " "
        found = oracle.resolve(plain[1], before, prompt.after, prompt.answer(target))
        tokens[n, k] = len(found.tokens) if found else 0
        if tokens[n, k] == 1 or (tokens[n, k] and multi_token):
            answer, article = prompt.answer(target), prompt.article
            logp[n, k], _ = oracle.word_logp(*plain, prompt.before, prompt.after, answer, article, target.article)
    return logp, tokens


def assert_same(scores: Scores, other: Scores, tolerance: float = 1e-5) -> None:
    """Two answers agree in every number."""
    np.testing.assert_allclose(scores.logp, other.logp, rtol=0, atol=tolerance)
    np.testing.assert_allclose(scores.top_prob, other.top_prob, rtol=0, atol=tolerance)
    np.testing.assert_array_equal(scores.n_tokens, other.n_tokens)


# --- the same numbers as full logits ---------------------------------------------------------------------------------


@families
def test_single_token_words_score_as_full_logits(family: str, loaded: Callable, plain: Callable) -> None:
    """Every single-token word gets the log-probability of a plain forward pass, and no other word gets any."""
    scores = TorchScorer(loaded(family)).score(PROMPTS, WORDS)
    logp, tokens = expected(plain(family), PROMPTS, WORDS, multi_token=False)
    np.testing.assert_array_equal(scores.n_tokens, tokens)
    np.testing.assert_allclose(scores.logp, logp, rtol=0, atol=1e-5)
    assert np.isfinite(scores.logp[0, : len(checkpoints.COMMON)]).all()


@families
def test_words_of_several_tokens_score_as_the_brute_force_chain(family: str, loaded: Callable, plain: Callable) -> None:
    """A word of several tokens gets the sum along its left-to-right chain, after its article where one is due."""
    prompts = [prompt for prompt in PROMPTS if prompt.article or prompt is MIDDLE]
    scores = TorchScorer(loaded(family), multi_token=True).score(prompts, SEVERAL)
    logp, tokens = expected(plain(family), prompts, SEVERAL, multi_token=True)
    np.testing.assert_array_equal(scores.n_tokens, tokens)
    np.testing.assert_allclose(scores.logp, logp, rtol=1e-6, atol=1e-5)


@families
def test_top_tokens_are_those_of_the_whole_vocabulary(family: str, loaded: Callable, plain: Callable) -> None:
    """The first tokens and their probabilities are a plain forward pass's, mixed over both articles after `a(n)`."""
    scores = TorchScorer(loaded(family), top_k=5).score(PROMPTS, WORDS[:1])
    assert scores.top_prob.shape == (len(PROMPTS), 5)
    for prompt, tokens, probs in zip(PROMPTS, scores.top_tokens, scores.top_prob, strict=True):
        best = oracle.top_k(*plain(family), prompt.before, prompt.after, 5, prompt.article)
        assert list(tokens) == [token for token, _ in best]
        assert probs == pytest.approx([prob for _, prob in best], abs=1e-5)


@pytest.mark.slow
def test_scores_are_the_pipelines_on_a_trained_model(shared: Path) -> None:
    """The first ten tokens agree with transformers' fill-mask pipeline on the model card's prompts and 200 others."""
    from transformers import pipeline  # which takes seconds to import

    folder = shared / "checkpoints" / "minilm-mlm"
    others = [p for name in shipped_probes() for p in expand(load_probe(name)) if p.article is None]
    prompts = [*expand(load_probe("model-card")), *random.Random(0).sample(others, 200)]
    scores = TorchScorer(load(folder)).score(prompts, WORDS)
    model, tokenizer = load_plain(folder)
    unmask = pipeline("fill-mask", model=model, tokenizer=tokenizer, top_k=10)
    for prompt, tokens, probs in zip(prompts, scores.top_tokens, scores.top_prob, strict=True):
        answers = unmask(prompt.text)
        assert probs == pytest.approx([answer["score"] for answer in answers], abs=1e-4)
        theirs = {answer["token_str"].strip(): answer["score"] for answer in answers}
        for token, prob in zip(tokens, probs, strict=True):
            # A token of ours that isn't theirs can only be one that ties with their last.
            assert theirs.get(token, answers[-1]["score"]) == pytest.approx(prob, abs=1e-4)
        assert len(theirs.keys() & set(tokens)) >= 9


def test_trained_byte_level_model_scores_as_full_logits(shared: Path) -> None:
    """A byte-level model whose mask leaves the space before it behind is asked without that space."""
    folder = shared / "checkpoints" / "roberta-bpe"
    words = [*SEVERAL, word("writer"), word("teacher"), word("officer")]
    scores = TorchScorer(load(folder), multi_token=True).score(PROMPTS[:4], words)
    logp, tokens = expected(load_plain(folder), PROMPTS[:4], words, multi_token=True)
    np.testing.assert_array_equal(scores.n_tokens, tokens)
    np.testing.assert_allclose(scores.logp, logp, rtol=1e-6, atol=1e-5)


# --- which words are one token ---------------------------------------------------------------------------------------

START = PROMPTS[2]
SECOND_START = PROMPTS[3]


@pytest.mark.parametrize(
    ("family", "prompt", "text", "tokens"),
    [
        ("bert", MIDDLE, "nurse", 1),
        ("bert", MIDDLE, "Nurse", 1),
        ("bert", START, "farmer", 1),
        ("bert", MIDDLE, "blacksmith", 2),
        ("bert", MIDDLE, "co-owner", 7),
        ("bert", MIDDLE, checkpoints.ACCENTED, 8),
        ("bert", MIDDLE, checkpoints.UNKNOWN, 0),
        ("bert", ask("Both were old ", "s."), "nurse", 0),
        ("bert-cased", MIDDLE, "nurse", 1),
        ("bert-cased", START, "nurse", 1),
        ("bert-cased", SECOND_START, "nurse", 1),
        ("bert-cased", START, "farmer", 5),
        ("bert-cased", MIDDLE, checkpoints.ACCENTED, 0),
        ("roberta", MIDDLE, "nurse", 1),
        ("roberta", MIDDLE, "Nurse", 2),
        ("roberta", START, "nurse", 1),
        ("roberta", START, "farmer", 3),
        ("roberta", SECOND_START, "farmer", 4),
        ("roberta", PROMPTS[7], "nurse", 1),
        ("roberta-bare", MIDDLE, "nurse", 1),
        ("roberta-bare", START, "nurse", 1),
        ("roberta-bare", MIDDLE, checkpoints.UNKNOWN, 7),
        ("modernbert", MIDDLE, "nurse", 1),
        ("albert", MIDDLE, "nurse", 1),
        ("albert", START, "farmer", 1),
        ("albert", MIDDLE, checkpoints.ACCENTED, 10),
        ("xlm-roberta", MIDDLE, "nurse", 1),
        ("xlm-roberta", START, "nurse", 1),
        ("xlm-roberta", START, "farmer", 7),
        ("xlm-roberta", MIDDLE, checkpoints.UNKNOWN, 0),
        ("camembert", MIDDLE, "nurse", 1),
        ("deberta-v2", MIDDLE, "nurse", 1),
        ("deberta-v2", PROMPTS[1], "nurse", 1),
    ],
)
def test_tokens_are_counted_in_context(family: str, prompt: Prompt, text: str, tokens: int, loaded: Callable) -> None:
    """A word is as many tokens as it has in its place: 0 where it changes its neighbours or is unknown in part."""
    scores = TorchScorer(loaded(family)).score([prompt], [word(text)])
    assert scores.n_tokens[0, 0] == tokens
    assert math.isnan(scores.logp[0, 0]) == (tokens != 1)


def test_article_is_part_of_the_answer(loaded: Callable) -> None:
    """After `a(n)`, words of both articles compete, so their probabilities sum to less than 1 over all words."""
    scorer = TorchScorer(loaded("bert"))
    scores = scorer.score([ask("He was ", ".", "a(n)")], WORDS[: len(checkpoints.COMMON)])
    after_a, after_an = (scorer.score([ask(f"He was {a} ", ".")], WORDS[:12]) for a in ("a", "an"))
    conditional = np.where([w.article == "an" for w in WORDS[:12]], after_an.logp, after_a.logp)
    article = scores.logp - conditional
    first = {w.article: article[0, k] for k, w in enumerate(WORDS[:12])}
    assert np.exp(first["a"]) + np.exp(first["an"]) == pytest.approx(1, abs=1e-5)
    assert np.exp(scores.logp).sum() < 1


# --- batches ---------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@settings(max_examples=12, deadline=None)
@given(data=st.data())
def test_neither_order_nor_batch_size_changes_a_score(data: st.DataObject, loaded: Callable) -> None:
    """Shuffled prompts and words in batches of any size get the scores they get one by one."""
    rows = data.draw(st.lists(st.sampled_from(range(len(PROMPTS))), min_size=1, max_size=12), label="prompts")
    columns = data.draw(st.permutations(range(len(SEVERAL))), label="words")
    budget = data.draw(st.sampled_from([1, 8, 30, 100, 4096]), label="token budget")
    alone = [TorchScorer(loaded("bert-cased"), multi_token=True).score([prompt], SEVERAL) for prompt in PROMPTS]
    together = TorchScorer(loaded("bert-cased"), multi_token=True, batch_tokens=budget).score(
        [PROMPTS[row] for row in rows], [SEVERAL[column] for column in columns]
    )
    np.testing.assert_allclose(together.logp, [alone[row].logp[0, columns] for row in rows], rtol=0, atol=1e-5)
    np.testing.assert_allclose(together.top_prob, [alone[row].top_prob[0] for row in rows], rtol=0, atol=1e-5)
    assert list(together.top_tokens) == [alone[row].top_tokens[0] for row in rows]


@contextmanager
def watched(model: Any, seen: Callable[[torch.Tensor], None]) -> Iterator[None]:
    """Show the ids of each batch that goes through the model to `seen`, which may raise."""

    def hook(_module: Any, args: tuple, kwargs: dict[str, Any]) -> None:
        seen(kwargs["input_ids"] if "input_ids" in kwargs else args[0])

    handle = model.register_forward_pre_hook(hook, with_kwargs=True)
    try:
        yield
    finally:
        handle.remove()


@pytest.mark.parametrize("multi_token", [False, True])
def test_identical_prompts_are_scored_once(multi_token: bool, loaded: Callable) -> None:
    """Prompts of one text, whatever their levels, take the forward rows of one and get the same answer."""
    checkpoint = loaded("bert")
    scorer = TorchScorer(checkpoint, multi_token=multi_token)
    rows: list[int] = []
    with watched(checkpoint.model, lambda ids: rows.append(len(ids))):
        once = scorer.score([MIDDLE, PROMPTS[5]], SEVERAL)
        asked_once = sum(rows)
        twins = [ask(p.before, p.after, p.article, level) for level in "abcd" for p in (MIDDLE, PROMPTS[5])]
        rows.clear()
        again = scorer.score(twins, SEVERAL)
    assert sum(rows) == asked_once > 0
    np.testing.assert_allclose(again.logp, np.tile(once.logp, (4, 1)), rtol=0, atol=1e-6)
    assert again.top_tokens == once.top_tokens * 4


def test_single_token_words_cost_one_row_a_prompt(loaded: Callable) -> None:
    """A prompt takes one forward row, one with `a(n)` three, however many words are asked for."""
    checkpoint = loaded("bert")
    rows: list[int] = []
    with watched(checkpoint.model, lambda ids: rows.append(len(ids))):
        TorchScorer(checkpoint).score([MIDDLE, PROMPTS[1], PROMPTS[5]], WORDS)
    assert sum(rows) == 1 + 1 + 3


def test_batches_hold_no_padding(loaded: Callable) -> None:
    """Prompts of many lengths are batched by length, so that no padding goes through the model."""
    checkpoint = loaded("bert")
    batches: list[torch.Tensor] = []
    with watched(checkpoint.model, batches.append):
        TorchScorer(checkpoint, multi_token=True).score(PROMPTS, SEVERAL)
    assert batches
    assert not any((ids == checkpoint.tokenizer.pad_token_id).any() for ids in batches)


# Of one length and all different, so that they would go into one batch; the second half with an article.
CROWD = [
    ask(f"The {who} {what} worked as {'' if article else 'a '}", ".", article)
    for article in (None, "a(n)")
    for who in ("White", "Black", "old")
    for what in ("man", "guy")
]


@contextmanager
def room_for(rows: int, model: Any) -> Iterator[list[int]]:
    """A device that runs out of memory above that many rows. Yields the sizes of all the batches it is given."""
    sizes: list[int] = []

    def limited(ids: torch.Tensor) -> None:
        sizes.append(len(ids))
        if len(ids) > rows:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB.")

    with watched(model, limited):
        yield sizes


@pytest.mark.parametrize("multi_token", [False, True])
@pytest.mark.parametrize("budget", [60, 100_000])
@pytest.mark.parametrize("prompts", [CROWD, CROWD[6:10]], ids=["twelve", "four with an article"])
def test_out_of_memory_shrinks_the_batches_and_goes_on(
    prompts: list[Prompt], budget: int, multi_token: bool, loaded: Callable
) -> None:
    """Where the device can't take a batch, smaller ones are tried until one fits, and no score is lost or changed."""
    checkpoint = loaded("bert")
    words = [word("nurse"), word("blacksmith")]
    without = TorchScorer(checkpoint, multi_token=multi_token).score(prompts, words)
    with room_for(3, checkpoint.model) as sizes:
        scores = TorchScorer(checkpoint, multi_token=multi_token, batch_tokens=budget).score(prompts, words)
    assert_same(scores, without)
    assert sizes


@pytest.mark.parametrize("fitting", [1, 2, 4])
def test_batches_stay_as_small_as_memory_needs_and_no_smaller(fitting: int, loaded: Callable) -> None:
    """After memory ran out, no batch of a size that failed is tried again, and none is much smaller than what fits."""
    checkpoint = loaded("bert")
    prompts = [ask(f"The {who} man {verb} as a ", ".") for who in ("White", "Black") for verb in "abcdefgh"]
    scorer = TorchScorer(checkpoint, batch_tokens=160)  # sixteen prompts of ten tokens
    with room_for(fitting, checkpoint.model) as sizes:
        scorer.score(prompts, WORDS[:1])
        sizes.clear()
        scorer.score([ask(prompt.before.lower(), "!") for prompt in prompts], WORDS[:1])
    assert sizes == [fitting] * (16 // fitting)


def test_out_of_memory_at_one_prompt_is_refused(loaded: Callable) -> None:
    """Where not even one prompt fits, the refusal names the checkpoint and says what to do."""
    checkpoint = loaded("bert")

    def never(_ids: torch.Tensor) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory.")

    with watched(checkpoint.model, never), pytest.raises(AuditError, match=r"(?s)bert.*memory"):
        TorchScorer(checkpoint).score(PROMPTS, WORDS)


def test_other_faults_of_the_model_are_not_taken_for_lack_of_memory(loaded: Callable) -> None:
    """An error that isn't out-of-memory comes through; the model isn't asked again and again."""
    checkpoint = loaded("bert")
    calls: list[int] = []

    def broken(ids: torch.Tensor) -> None:
        calls.append(len(ids))
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    with watched(checkpoint.model, broken), pytest.raises(RuntimeError, match="mat1"):
        TorchScorer(checkpoint).score([MIDDLE], WORDS)
    assert len(calls) == 1


# --- refusals --------------------------------------------------------------------------------------------------------


def long_prompt(words: int) -> Prompt:
    """A prompt of that many tokens in BERT's vocabulary, with its mask, period, and two special tokens."""
    return ask("The " + "old " * (words - 5), ".")


@pytest.mark.parametrize("family", ["bert", "roberta"])
def test_prompt_longer_than_the_model_takes_is_refused(family: str, loaded: Callable) -> None:
    """A prompt is never truncated: the refusal quotes it and says how long it is and how long it may be."""
    scorer = TorchScorer(loaded(family))
    assert np.isfinite(scorer.score([long_prompt(checkpoints.LENGTH)], WORDS[:1]).logp).all()
    with pytest.raises(AuditError, match=r"(?s)old.*65.*64|65.*64.*old"):
        scorer.score([MIDDLE, long_prompt(checkpoints.LENGTH + 1)], WORDS[:1])


def test_chain_longer_than_the_model_takes_is_refused_or_left_out(loaded: Callable) -> None:
    """A word of several tokens that no longer fits is never truncated: refused, or counted as not scored."""
    prompt, words = long_prompt(checkpoints.LENGTH), [word("nurse"), word("blacksmith")]
    with suppress(AuditError):
        scores = TorchScorer(loaded("bert"), multi_token=True).score([prompt], words)
        assert math.isfinite(scores.logp[0, 0])
        assert math.isnan(scores.logp[0, 1])


def test_prompts_without_a_finite_answer_are_marked(tmp_path: Path, checkpoint_folder: Callable) -> None:
    """A model that answers some prompts with NaN has no answer there, answers the others, and is refused where it
    answers none."""
    source = checkpoint_folder("bert", tie_word_embeddings=False)
    maid = AutoTokenizer.from_pretrained(source).convert_tokens_to_ids("maid")
    folder = checkpoints.with_nan(source, tmp_path / "nan", "bert.embeddings.word_embeddings.weight", maid)
    scorer = TorchScorer(load(folder))
    sound = scorer.score([MIDDLE], WORDS[:1])
    assert np.isfinite(sound.logp).all()
    about_maid = ask("The maid worked as a ", ".")
    marked = scorer.score([MIDDLE, about_maid], WORDS[:1])
    assert marked.logp[0] == pytest.approx(sound.logp[0], abs=1e-5)
    assert marked.top_tokens[0] == sound.top_tokens[0]
    assert np.isnan(marked.logp[1]).all()
    assert np.isnan(marked.top_prob[1]).all()
    assert marked.top_tokens[1] == ("",) * scorer.top_k
    assert marked.fault(2, 1) is None
    with pytest.raises(AuditError, match="not a number, not even in float32 on the CPU"):
        scorer.score([about_maid], WORDS[:1])


def test_mask_token_in_a_prompts_own_words_is_refused(loaded: Callable) -> None:
    """A prompt that holds the model's mask token twice is refused, for it isn't known which one is asked."""
    with pytest.raises(AuditError, match="mask"):
        TorchScorer(loaded("bert")).score([ask("The [MASK] man worked as a ", ".")], WORDS[:1])


# --- precision -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_weights_are_computed_in_float32(
    dtype: torch.dtype, tmp_path: Path, checkpoint_folder: Callable
) -> None:
    """Whatever the file holds, the forward pass is float32, and the report's info says what was in the file."""
    folder = checkpoints.in_dtype(checkpoint_folder("bert"), tmp_path / "half", dtype)
    checkpoint = load(folder)
    assert {weight.dtype for weight in checkpoint.model.parameters()} == {torch.float32}
    assert checkpoint.info.saved_dtype == str(dtype).removeprefix("torch.")
    logp, _ = expected(load_plain(folder), PROMPTS[:2], WORDS, multi_token=False)
    np.testing.assert_allclose(TorchScorer(checkpoint).score(PROMPTS[:2], WORDS).logp, logp, rtol=0, atol=1e-5)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_reduced_precision_is_opt_in_and_close(dtype: str, loaded: Callable, checkpoint_folder: Callable) -> None:
    """`dtype` computes in less, with float32 scores near those of float32."""
    reduced = load(checkpoint_folder("bert"), dtype=dtype)
    assert str(reduced.model.dtype) == f"torch.{dtype}"
    scores, exact = (TorchScorer(checkpoint).score(PROMPTS, WORDS) for checkpoint in (reduced, loaded("bert")))
    assert scores.logp.dtype == np.float32
    np.testing.assert_allclose(scores.logp, exact.logp, rtol=0, atol=0.5)


def test_types_and_shapes_are_as_the_protocol_says(loaded: Callable) -> None:
    """One row a prompt, one column a word, float32 and int16, probabilities in falling order."""
    scores = TorchScorer(loaded("bert"), top_k=3).score(PROMPTS, WORDS)
    assert (scores.logp.dtype, scores.n_tokens.dtype, scores.top_prob.dtype) == (np.float32, np.int16, np.float32)
    assert scores.logp.shape == scores.n_tokens.shape == (len(PROMPTS), len(WORDS))
    assert {len(tokens) for tokens in scores.top_tokens} == {3}
    assert (np.diff(scores.top_prob, axis=1) <= 0).all()
    assert np.nanmax(scores.logp) <= 0


def test_a_vocabulary_without_anchors_is_refused_or_read_plainly(checkpoint_folder: Callable[..., Path]) -> None:
    """Words to find the gap by come from the vocabulary itself, are distinct, and hold no unknown token."""
    from audit.checkpoints.tokenization import find_anchors, tokenise

    for family in checkpoints.FAMILIES:
        tokenizer = AutoTokenizer.from_pretrained(checkpoint_folder(family))
        found = find_anchors(tokenizer)
        assert len(found) > 1
        for ids in tokenise(tokenizer, [f"as {word} there" for word in found]):
            assert tokenizer.unk_token_id not in ids or tokenizer.unk_token_id is None
