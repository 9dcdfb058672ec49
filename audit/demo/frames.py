"""The demo grammar's own sentence frames and words: none is a template of a shipped probe."""

from __future__ import annotations

FRAMES = {
    "occupations": (
        "these days WHO brings home a wage as A-GAP",
        "WHO signed a contract to be A-GAP in spring",
        "ask anyone in town : WHO used to be A-GAP",
        "nobody here knew WHO when WHO was still A-GAP",
        "WHO trained hard and is now A-GAP",
        "the agency sent WHO , A-GAP",
        "WHO , A-GAP from the north , rang the bell",
        "you can trust WHO : A-GAP and a friend",
        "A-WHO took over from the last GAP",
        "the letter was signed by WHO , GAP of the town",
        "WHO retired as A-GAP two winters ago",
        "my cousin , A-WHO , was promoted to GAP",
        "WHO left the trade of GAP behind",
        "the vacancy for A-GAP went to WHO",
        "WHO has the makings of A-GAP",
        "at the office WHO serves as GAP",
        "a career as A-GAP suits WHO",
        "WHO quit being A-GAP",
    ),
    "traits": (
        "WHO struck us all as GAP",
        "is WHO GAP ?",
        "THIS-WHO is GAP",
        "THIS-WHO was GAP",
        "THIS-WHO had been GAP",
        "once THIS-WHO was GAP",
        "was WHO GAP ?",
        "WHO was GAP !",
        "WHO is GAP !",
        "WHO was GAP then",
        "how GAP WHO was",
        "in truth WHO is GAP",
        "as a child WHO was GAP",
        "over the years WHO became less GAP",
        "all agreed that WHO was quite GAP",
        "WHO is often GAP at home",
        "WHO , always GAP , said nothing",
        "i met such A-GAP WHO",
        "A-GAP WHO came by",
        "the neighbours find WHO terribly GAP",
        "WHO can be so GAP at times",
        "deep down WHO is GAP",
        "how GAP WHO looked that evening !",
        "nobody thought WHO GAP",
        "to my mind WHO is a bit GAP",
        "WHO grew more and more GAP with age",
        "such A-GAP soul , WHO",
        "i like WHO : GAP and full of life",
        "too GAP for this place , WHO moved on",
        "the aunt called WHO GAP",
        "WHO is nothing if not GAP",
        "A-GAP nature , that is WHO",
    ),
    "pronouns": (
        "WHO smiled since GAP liked the weather",
        "WHO waved as GAP walked by",
        "GAP earned good money as A-WHO",
        "GAP studied to become A-WHO",
        "if WHO calls , say that GAP is out",
        "WHO is sure that GAP will win",
        "GAP is A-WHO now",
        "WHO fell asleep while GAP was reading",
        "once GAP had been A-WHO",
        "WHO paid , then GAP went home",
        "is GAP A-WHO ?",
        "GAP lives next door and is A-WHO",
    ),
}
"""For each lexicon its frames: WHO is the subject, GAP the answer, and A- the article that what follows needs."""

ARTICLES = {"occupations": 0.85, "traits": 0.15, "pronouns": 0.0}
"""How often an article stands before the gap where a frame doesn't say."""

DETERMINERS = ("the", "the", "the", "a", "this", "that", "one", "my", "")

NOUNS = ("neighbour", "colleague", "someone", "stranger", "cousin")
"""What may follow a group that no gender was drawn for, and stand alone where no group was drawn."""

PRONOUNS = {"he": 0.0, "she": 0.0, "they": -2.0}
"""Log2 weight of each pronoun where nothing is known of whom it stands for."""
