import { dialogues } from "./dialogues.ts";
import { drawsOf } from "./draw.ts";
import { summaries } from "./events.ts";
import { glosses } from "./glosses.ts";
import { filmReviews, mails, questionTypes } from "./labelled.ts";
import type { LabelledSplit } from "./labelled.ts";
import { translations } from "./languages.ts";
import { questions } from "./passages.ts";
import { splitOf } from "./records.ts";
import type { ChatRecord, WritingRecord } from "./records.ts";

/** What a task is learnt of and tested on, as the lines of files. */
export interface TaskFiles {
  readonly train: readonly object[];
  readonly test: readonly object[];
}

/** A model that fine-tuning begins with: what it is trained on, and the options of `gpt train`. */
export interface Base {
  readonly name: string;
  readonly text: (context: Context) => string;
  readonly options: string;
}

export interface Context {
  /** The folder of the data that are not made. */
  readonly data: string;
  readonly seed: number;
}

/** A task: its data, the base, the options of `gpt finetune` and `gpt eval`, and what is demanded of the mean of all seeds. */
export interface Recipe {
  readonly name: string;
  readonly base: Base;
  readonly files: (context: Context) => TaskFiles;
  readonly finetune: string;
  readonly evaluate: string;
  /** Of the metrics that `gpt eval` prints. */
  readonly demanded: Readonly<Record<string, number>>;
}

const textsOf = ({ train }: LabelledSplit): string[] => train.map(({ text }) => text);
const lines = (texts: readonly string[]): string => `${texts.join("\n")}\n`;

/** English: what WordNet says of words, and three times the texts that two tasks learn of, without their labels. */
const english: Base = {
  name: "english",
  text: ({ data, seed }) => {
    const own = [...textsOf(questionTypes(data)), ...textsOf(filmReviews(data, seed))];
    return lines(drawsOf(seed).shuffled([...glosses(), ...own, ...own, ...own]));
  },
  options: "--tokenizer bpe --vocab-size 8000 --layers 2 --heads 4 --dim 128 --context 64 --batch 32 --steps 2000 --dropout 0 --optimizer muon --schedule linear",
};

const post: Base = {
  name: "post",
  text: ({ seed }) => lines(textsOf(mails(seed))),
  options: "--tokenizer bpe --vocab-size 8000 --layers 2 --heads 4 --dim 128 --context 256 --batch 8 --steps 1000 --dropout 0.1 --optimizer muon --schedule linear",
};

const made = { train: 10_000, test: 500 };
const makers = { languages: translations, passages: questions, events: summaries };

const invented: Base = {
  name: "invented",
  // A part of what the tasks learn, without saying what is asked and what is answered.
  text: ({ seed }) => {
    const writing = Object.values(makers).flatMap((make) => splitOf<WritingRecord>(make(seed), made.train, 0).train.slice(0, 4000).map(({ prompt, completion }) => prompt + completion));
    const talks = splitOf<ChatRecord>(dialogues(seed), made.train, 0).train.slice(0, 4000).map(({ messages }) => messages.map(({ content }) => content).join("\n"));
    return [...writing, ...talks].join("\n\n");
  },
  options: "--tokenizer bpe --vocab-size 600 --layers 4 --heads 4 --dim 128 --context 208 --batch 8 --steps 2500 --dropout 0 --optimizer muon --schedule linear",
};

const writing = (make: (seed: number) => Iterable<WritingRecord>): ((context: Context) => TaskFiles) => ({ seed }) => splitOf(make(seed), made.train, made.test);
const writes = "--validation-share 0.02 --epochs 3 --batch 16 --lr 0.001";
const completing = {
  base: invented, finetune: `--task completion ${writes}`, evaluate: `--task completion --answers ${made.test}`, demanded: { exactMatch: 0.95 },
};
const evaluate = "--task classify --truncate";
const onQuestions = { base: english, files: ({ data }: Context) => questionTypes(data), evaluate, demanded: { accuracy: 0.88 } };

export const recipes: readonly Recipe[] = [
  { name: "questions", ...onQuestions, finetune: "--task classify --truncate --epochs 4 --batch 16 --lr 0.0005 --lm-weight 0.5" },
  { name: "questions-lora", ...onQuestions, finetune: "--task classify --truncate --epochs 6 --batch 16 --lr 0.005 --lm-weight 0.5 --method lora --rank 16" },
  {
    name: "reviews", base: english, files: ({ data, seed }) => filmReviews(data, seed), evaluate, demanded: { accuracy: 0.75 },
    finetune: "--task classify --truncate --epochs 3 --batch 32 --lr 0.001 --lm-weight 0.5 --dropout 0.2",
  },
  {
    name: "spam", base: post, files: ({ seed }) => mails(seed), evaluate, demanded: { accuracy: 0.97, f1: 0.95 },
    finetune: "--task classify --truncate --epochs 2 --lr 0.001",
  },
  { name: "languages", ...completing, files: writing(translations) },
  { name: "passages", ...completing, files: writing(questions) },
  { name: "events", ...completing, files: writing(summaries) },
  {
    name: "dialogues", ...completing, files: ({ seed }) => splitOf(dialogues(seed), made.train, made.test),
    finetune: `--task chat ${writes}`, evaluate: `--task chat --answers ${made.test}`,
  },
];
