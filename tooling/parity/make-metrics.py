"""The numbers of the reference implementations of metrics, on invented predictions: makes fixtures/metrics.json again.

    python3 make-metrics.py --squad evaluate-v1.1.py

Needs scikit-learn (with SciPy), sacrebleu 2.6 and rouge-score 0.1.2 (with NLTK), and SQuAD's script, which is published
beside the data set. The committed numbers are those of scikit-learn 1.2.1 and NLTK 3.8 under Debian 12.
"""

import argparse
import importlib.util
import json
import math
import random
from pathlib import Path

import numpy as np
import sacrebleu
import sklearn
from nltk.stem.porter import PorterStemmer
from rouge_score import rouge_scorer
from sacrebleu.metrics import BLEU, CHRF
from scipy.optimize import minimize_scalar
from sklearn import metrics

OUT = Path(__file__).parent / "fixtures" / "metrics.json"
ROUGE = ["rouge1", "rouge2", "rougeL", "rougeLsum"]
#: What tokenizers and normalisations stumble over: numbers, entities, articles, scripts, marks, white space of all kinds.
WORDS = (
    "the The a an. cat sat on mat; dog's 3.14, 1,000 10-20 .5 5. (hi) <skipped> &amp; &quot;x&quot; don't well-known É "
    "straße İstanbul ΣΑΣ 日本語 。 ، ٣٫٥ 😀 ½ € $5 running happily skies _x a-n II. … “q” - -- ' relational nations' "
    "x\ty \u2028 \x85 \x1c \ufeff e\u0301 a\u0301n"
).split(" ")


class Draws(random.Random):
    def text(self, words):
        joints = [" ", " ", " ", "", "\n", "  ", "-\n"]
        return "".join(self.choice(WORDS) + self.choice(joints) for _ in range(self.randrange(words)))

    def near(self, text):
        words = text.split(" ")
        for _ in range(self.randrange(5)):
            place = self.randrange(len(words) + 1)
            words[place : place + self.randrange(2)] = [self.choice(WORDS)] * self.randrange(2)
        return " ".join(words)


def text_case(draw, squad):
    samples, count = draw.randrange(1, 4), draw.randrange(1, 4)
    references = [[draw.text(12) for _ in range(count)] for _ in range(samples)]
    predictions = [draw.choice([draw.near(draw.choice(r)), draw.choice(r), draw.text(12)]) for r in references]
    streams = [list(stream) for stream in zip(*references)]
    best = lambda score: float(np.mean([max(score(p, r) for r in rs) for p, rs in zip(predictions, references)]))
    return {
        "predictions": predictions,
        "references": references,
        "bleu": bleu(draw, predictions, streams),
        "chrf": chrf(draw, predictions, streams),
        "rouge": rouge(draw.random() < 0.5, predictions, references),
        "exactMatch": best(squad.exact_match_score),
        "tokenF1": best(squad.f1_score),
    }


def bleu(draw, predictions, streams):
    options = {
        "tokenizer": draw.choice(["13a", "intl", "char", "none"]),
        "smoothing": draw.choice(["exp", "floor", "add-k", "none"]),
        "lowercase": draw.random() < 0.5,
        "maxOrder": draw.randrange(1, 6),
        "effectiveOrder": draw.random() < 0.5,
    }
    value = draw.choice([None, 0.3, 2])
    score = BLEU(
        tokenize=options["tokenizer"], smooth_method=options["smoothing"], smooth_value=value, lowercase=options["lowercase"],
        max_ngram_order=options["maxOrder"], effective_order=options["effectiveOrder"],
    ).corpus_score(predictions, streams)
    if value is not None:
        options["smoothingValue"] = value
    return {
        "options": options,
        "score": score.score / 100,
        "precisions": [precision / 100 for precision in score.precisions],
        "brevityPenalty": score.bp,
        "length": score.sys_len,
        "referenceLength": score.ref_len,
    }


def chrf(draw, predictions, streams):
    options = {
        "charOrder": draw.randrange(1, 7), "wordOrder": draw.randrange(3), "beta": draw.randrange(1, 4),
        "lowercase": draw.random() < 0.5, "whitespace": draw.random() < 0.5, "epsilonSmoothing": draw.random() < 0.5,
    }
    metric = CHRF(
        char_order=options["charOrder"], word_order=options["wordOrder"], beta=options["beta"], lowercase=options["lowercase"],
        whitespace=options["whitespace"], eps_smoothing=options["epsilonSmoothing"],
    )
    return {"options": options, "score": metric.corpus_score(predictions, streams).score / 100}


def rouge(stemmer, predictions, references):
    scorer = rouge_scorer.RougeScorer(ROUGE, use_stemmer=stemmer)
    scores = [[scorer.score(reference, p) for reference in rs] for p, rs in zip(predictions, references)]
    means = {}
    for name in ROUGE:
        best = [max((score[name] for score in candidates), key=lambda score: score.fmeasure) for candidates in scores]
        means[name] = dict(zip(["precision", "recall", "f1"], np.mean(best, axis=0).tolist()))
    return {"stemmer": stemmer, "scores": means}


def stems(draw):
    endings = "s ies ed eed ied ing alli fulli logi ion ll y ization bli ousness ational 0s e".split(" ")
    irregular = "sky skies dying lying tying news innings outing cannings howe proceed exceed succeed died flies enjoy sses".split(" ")
    made = ["".join(draw.choice("abdeginlosty") for _ in range(draw.randrange(1, 6))) + draw.choice(endings) for _ in range(300)]
    return {word: PorterStemmer().stem(word) for word in irregular + made}


def classification_case(draw, names):
    references = [draw.choice(names) for _ in range(draw.randrange(1, 40))]
    predictions = [draw.choice([label, draw.choice(names)]) for label in references]
    labels = names if draw.random() < 0.5 else None
    scores = lambda average: dict(zip(
        ["precision", "recall", "f1", "support"],
        [None if part is None else np.asarray(part).tolist() for part in metrics.precision_recall_fscore_support(
            references, predictions, labels=labels, average=average, zero_division=0)],
    ))
    return {
        "predictions": predictions,
        "references": references,
        "labels": labels,
        "accuracy": metrics.accuracy_score(references, predictions),
        "confusion": metrics.confusion_matrix(references, predictions, labels=labels).tolist(),
        **{average or "classes": scores(average) for average in [None, "macro", "micro", "weighted"]},
    }


def calibration_case(seed):
    random_numbers = np.random.default_rng(seed)
    classes = int(random_numbers.integers(2, 6))
    labels = random_numbers.integers(0, classes, 60)
    scores = random_numbers.normal(size=(60, classes)) * random_numbers.uniform(0.5, 6)
    scores[np.arange(60), labels] += random_numbers.uniform(0, 3)
    scores = np.round(scores, 3)

    def log_probabilities(temperature):
        scaled = scores / temperature
        return scaled - np.log(np.exp(scaled).sum(axis=1, keepdims=True))

    loss = lambda log_t: metrics.log_loss(labels, np.exp(log_probabilities(math.exp(log_t))), eps=1e-300)
    fitted = minimize_scalar(loss, bounds=(math.log(0.01), math.log(100)), method="bounded", options={"xatol": 1e-10})
    probabilities = np.exp(log_probabilities(1.0))
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    edges = np.linspace(0, 1, 16)
    error = 0.0
    for low, high in zip(edges[:-1], edges[1:]):
        inside = (confidence > low) & (confidence <= high)
        if inside.any():
            error += inside.mean() * abs(confidence[inside].mean() - right[inside].mean())
    return {
        "scores": scores.tolist(), "classes": labels.tolist(), "temperature": math.exp(fitted.x),
        "expectedCalibrationError": error,
    }


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--squad", required=True)
    spec = importlib.util.spec_from_file_location("squad", parser.parse_args().squad)
    squad = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(squad)
    draw = Draws(17)
    fixture = {
        "versions": {"scikit-learn": sklearn.__version__, "sacrebleu": sacrebleu.__version__},
        "texts": [text_case(draw, squad) for _ in range(60)],
        "stems": stems(draw),
        "classification": [classification_case(draw, names) for names in [[0, 1], [0, 1, 2, 10], ["spam", "ham"], ["é", "B", "a", "z"]] * 3],
        "calibration": [calibration_case(seed) for seed in range(4)],
    }
    OUT.write_text(json.dumps(fixture, ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
