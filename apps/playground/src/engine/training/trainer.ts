import { writeFiles } from "@gpt/formats/web";
import { textFile } from "@gpt/formats";
import { GPT } from "@gpt/gpt";
import { tokenizerFiles, tokenizerFromFiles } from "@gpt/tokenizer";
import type { Tokenizer } from "@gpt/tokenizer";
import { train } from "@gpt/train";
import type { TrainingData, TrainOptions } from "@gpt/train";
import { createRun, removeRun, resumeRun, runDirectory } from "@gpt/train/web";
import type { RunCheckpointer } from "@gpt/train/web";
import type { OnTrainingNews, RunHistory, TrainingEnd, TrainingNews, TrainingSetup } from "../api/training.ts";
import { EngineError, failureOf } from "../failure.ts";
import type { UnkeptModel } from "../session.ts";
import { Messages } from "../messages.ts";
import { corpusOf } from "./corpora.ts";
import type { Corpus } from "./corpora.ts";
import { encodeCorpus, makeTokenizer, modelOptions, paceOf, settingsOf } from "./prepare.ts";
import { attentionOf, emptyHistory, historyName, momentOf, pointOf, readHistory } from "./record.ts";
import { freeName, readSetup, setupName, textName } from "./kept-runs.ts";


/** What a run is trained with, new or not. */
interface Prepared {
  readonly run: string;
  readonly model: GPT;
  readonly tokenizer: Tokenizer;
  readonly corpus: Corpus;
  readonly data: TrainingData;
  readonly options: Partial<TrainOptions> & { readonly steps: number };
  readonly checkpointer: RunCheckpointer | undefined;
  readonly history: RunHistory;
}

/** Trains, one run at a time. */
export class Trainer {
  readonly #messages: Messages<TrainingNews>;
  readonly #signal: AbortSignal;
  #factor: number | undefined;
  #savedStep: number | undefined;
  #unkept: UnkeptModel | undefined;
  /** Resolves when a pause is over. */
  #goOn: Promise<void> | undefined;
  #endPause: (() => void) | undefined;

  constructor(send: OnTrainingNews, signal: AbortSignal) {
    this.#messages = new Messages(send);
    this.#signal = signal;
    // Who waits is to hear of the end.
    signal.addEventListener("abort", () => this.pause(false));
  }

  /** The model of the run that has ended, unless the browser keeps it as it is. The caller frees it. */
  get unkept(): UnkeptModel | undefined {
    return this.#unkept;
  }

  setRateFactor(factor: number): void {
    this.#factor = factor;
  }

  pause(paused: boolean): void {
    if (!paused) this.#endPause?.();
    this.#goOn = paused ? (this.#goOn ?? new Promise((resolve) => (this.#endPause = resolve))) : undefined;
  }

  /** Trains a new model. */
  async begin(setup: TrainingSetup, own: string | undefined): Promise<TrainingEnd> {
    await this.#stage("text");
    const corpus = corpusOf(setup.corpus, own);
    await this.#stage("vocabulary", 0);
    const tokenizer = await makeTokenizer(setup, corpus, this.#signal, (share) => void this.#stage("vocabulary", share));
    await this.#stage("tokens");
    const data = encodeCorpus(tokenizer, corpus);
    await this.#stage("model");
    const model = new GPT(modelOptions(setup, tokenizer.vocabSize), { seed: 0 });
    const { run, checkpointer } = await orDispose(model, () => this.#keep(setup, tokenizer, own));
    const options = { ...settingsOf(setup), ...paceOf(setup.steps) };
    try {
      return await this.#follow({ run, model, tokenizer, corpus, data, options, checkpointer, history: emptyHistory });
    } catch (error) {
      // What failed before its first step, as with a text that is too short, leaves nothing.
      if (checkpointer && this.#savedStep === undefined) await removeRun(run).catch(() => undefined);
      throw error;
    }
  }

  /** Goes on with a run that is kept. */
  async continue(run: string, otherwise: TrainingSetup, own: string | undefined): Promise<TrainingEnd> {
    await this.#stage("model");
    const { setup, text } = await readSetup(run);
    const { model, checkpointer, resume } = await resumeRun(run);
    try {
      const { settings } = resume.record;
      const { extraFiles } = checkpointer;
      const { tokenizer, corpus, data } = await orDispose(model, async () => {
        await this.#stage("tokens");
        const corpus = setup ? corpusOf(setup.corpus, text) : corpusOf(otherwise.corpus, own);
        const tokenizer = tokenizerFromFiles(new Map(Object.entries(extraFiles)));
        return { tokenizer, corpus, data: encodeCorpus(tokenizer, corpus) };
      });
      // Another backend, another browser or another text is what a visitor chose.
      const options = { ...settings, ...paceOf(settings.steps), resume, allowChanges: true };
      return await this.#follow({ run, model, tokenizer, corpus, data, options, checkpointer, history: readHistory(extraFiles[historyName]) });
    } finally {
      await checkpointer.close();
    }
  }

  /** A place for a new run; a name alone, where the browser gives none, which is said. */
  async #keep(setup: TrainingSetup, tokenizer: Tokenizer, own: string | undefined): Promise<Pick<Prepared, "run" | "checkpointer">> {
    const run = await freeName(setup.corpus);
    let checkpointer: RunCheckpointer | undefined;
    try {
      checkpointer = await createRun(run, { extraFiles: Object.fromEntries(tokenizerFiles(tokenizer)) });
      const text = setup.corpus === "own" ? [textFile(textName, own ?? "")] : [];
      await writeFiles(await runDirectory(run), [...text, textFile(setupName, JSON.stringify(setup))]);
      return { run, checkpointer };
    } catch (error) {
      await checkpointer?.close();
      const { code, message } = failureOf(error);
      // Another tab was quicker: the next name is free.
      if (code === "run-in-use" || code === "run-exists") return this.#keep(setup, tokenizer, own);
      if (code !== "write-failed") throw error;
      await this.#messages.tell({ type: "unsaved", message });
      return { run, checkpointer: undefined };
    }
  }

  async #follow({ run, model, tokenizer, corpus, data, options, checkpointer, history }: Prepared): Promise<TrainingEnd> {
    const points = [...history.points];
    const moments = [...history.moments];
    const extraFiles = checkpointer?.extraFiles;
    const look = async (step: number, loss: number | null): Promise<void> => {
      const moment = await momentOf(model, tokenizer, corpus.prompt, step, loss);
      // A run that is interrupted is looked at where it ends, and where it goes on.
      if (moments.at(-1)?.step === step) moments.pop();
      moments.push(moment);
      await this.#messages.tell({ type: "moment", moment });
      await this.#messages.tell({ type: "attention", frame: await attentionOf(model, tokenizer, corpus.validation.trimStart(), step) });
    };
    try {
      const from = options.resume?.step ?? 0;
      const { steps, batchSize = 1, contextLength = model.config.contextLength, accumulationSteps = 1 } = options;
      const tokensPerStep = batchSize * contextLength * accumulationSteps;
      const rateFactor = (this.#factor ??= options.resume?.rateFactor ?? 1);
      await this.#messages.tell({ type: "begun", run, steps, step: from, savedStep: options.resume?.step, tokensPerStep, rateFactor, history });
      if (moments.at(-1)?.step !== from) await look(from, null);
      const keepHistory = (): void => {
        if (checkpointer) checkpointer.extraFiles = { ...extraFiles, [historyName]: JSON.stringify({ points, moments } satisfies RunHistory) };
      };
      keepHistory();
      const events = train(model, {
        ...options, data, checkpointer, signal: this.#signal, gradientNorms: true,
        rateFactor: () => this.#factor ?? 1,
        onSaveFailed: ({ message }) => void this.#messages.tell({ type: "unsaved", message }),
      });
      let end: TrainingEnd | undefined;
      for await (const event of events) {
        switch (event.type) {
          case "step":
            points.push(pointOf(event));
            await this.#messages.tell({ type: "point", point: points.at(-1)!, tokensPerSecond: event.tokensPerSecond });
            break;
          case "evaluation":
            await look(event.step, event.loss);
            break;
          case "checkpoint":
            this.#savedStep = event.step;
            await this.#messages.tell({ type: "saved", step: event.step });
            break;
          case "done":
            end = { run, step: event.step, finished: !event.interrupted };
        }
        keepHistory();
        await this.#goOn;
      }
      if (!end) throw new EngineError({ code: "unexpected", message: "a run ended without its last event" });
      if (end.step > (this.#savedStep ?? from)) this.#unkept = { run, model, tokenizer };
      return end;
    } finally {
      if (!this.#unkept) model.dispose();
      await checkpointer?.close();
      await this.#messages.flush().catch(() => undefined); // What ended the run is what counts.
    }
  }

  #stage(stage: (TrainingNews & { readonly type: "stage" })["stage"], share?: number): Promise<void> {
    return this.#messages.tell({ type: "stage", stage, ...(share !== undefined && { share }) });
  }
}

/** What `work` gives; where it fails, the model goes. */
async function orDispose<T>(model: GPT, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    model.dispose();
    throw error;
  }
}
