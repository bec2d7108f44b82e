import { streamChat } from "@gpt/generate/chat";
import { copyModel, matrixDTypesOf } from "@gpt/gpt";
import type { GPT } from "@gpt/gpt";
import { setAdapter } from "@gpt/gpt/lora";
import type { Backend } from "@gpt/tensor";
import { tokenizerFiles, tokenizerFromFiles } from "@gpt/tokenizer";
import type { Tokenizer } from "@gpt/tokenizer";
import { plainChatTemplate } from "@gpt/tokenizer/chat";
import type { ChatMessage } from "@gpt/tokenizer/chat";
import { finetune, finetuningOptions, scoreLabels } from "@gpt/train";
import type { EvaluationEvent, TrainEvent } from "@gpt/train";
import { classificationReport, classProbabilities, fitTemperature } from "@gpt/train/metrics";
import type { MadeFile } from "../api/made-file.ts";
import type { ModelReport } from "../api/model.ts";
import type {
  ClassifiedText, DataReport, TunedPackage, TuningEvaluation, TuningEvent, TuningMessage, TuningPlan, TuningSettings, TuningSource, TuningStart, TuningTask,
} from "../api/tuning.ts";
import { EngineError } from "../failure.ts";
import { Messages } from "../messages.ts";
import { reportOf } from "../models.ts";
import type { Session } from "../session.ts";
import { divide, readData } from "./data.ts";
import type { Data } from "./data.ts";
import { packageOf, wholeOf } from "./packages.ts";
import { checkData, dtypeOf, optionsOf, planRun, prepare, taskOf } from "./prepare.ts";

/** Held-out texts that a calibration needs, some of which must be taken for what they are not: else nothing tells how sure is too sure. */
const fewestToCalibrate = 10;
/** Tokens of the answer that is shown after an evaluation. */
const longestAnswer = 48;

/** What can be done with a tuned model, alone. */
type Work = "begins" | "learns" | "answers" | "packs" | "opens";

/** A model that is tuned, or was. */
interface Run {
  readonly task: TuningTask;
  readonly method: TuningSettings["method"];
  readonly labels: readonly string[];
  readonly model: GPT;
  readonly tokenizer: Tokenizer;
  /** The open model, of which it is a copy. */
  readonly base: GPT;
  /** Bytes of the backend that are neither its own nor the open model's. */
  readonly otherBytes: number;
  readonly events: AsyncGenerator<TrainEvent, void, undefined>;
  /** A dialogue up to an answer of the assistant's, which is written after each evaluation. */
  readonly asked: { readonly messages: readonly ChatMessage[]; readonly wanted: string } | undefined;
  /** By which scores are divided; what evaluations tell of labels. */
  temperature: number | undefined;
  confusion: readonly (readonly number[])[] | undefined;
  isOver: boolean;
  /** What works with it now, alone: else weights would change under an answer, or an adapter be taken off under a step. */
  work: { readonly kind: Work; readonly ended: Promise<unknown> } | undefined;
}

/** Tunes a copy of the open model, which stays as it is. */
export class Tuner {
  readonly #session: Session;
  /** What was read, in the tokens of a model. */
  #data: { readonly data: Data; readonly tokenizer: Tokenizer; readonly model: GPT } | undefined;
  #run: Run | undefined;
  #beginning: Promise<TuningStart> | undefined;

  constructor(session: Session) {
    this.#session = session;
  }

  async readData(task: TuningTask, source: TuningSource): Promise<DataReport> {
    return this.#session.withModel(async ({ model, tokenizer: given }) => {
      const plainTemplate = !given.chatTemplates?.size;
      const tokenizer = task === "messages" && plainTemplate ? withPlainTemplate(given) : given;
      const { data, report } = await readData(task, source, { tokenizer, contextLength: model.config.contextLength });
      this.#data = { data, tokenizer, model };
      return { ...report, plainTemplate };
    });
  }

  async plan(settings: TuningSettings): Promise<TuningPlan> {
    return this.#session.withModel(({ model }) => {
      const { data, tokenizer } = this.#readFor(model);
      return planRun(model, tokenizer, data, settings, this.#heldBytes(model.backend));
    });
  }

  async begin(settings: TuningSettings): Promise<TuningStart> {
    refuseBusy(this.#beginning && "begins");
    const beginning = (this.#beginning = this.#session.withModel(({ model }) => this.#beginWith(model, settings)));
    try {
      return await beginning;
    } finally {
      this.#beginning = undefined;
    }
  }

  async #beginWith(base: GPT, settings: TuningSettings): Promise<TuningStart> {
    const { data, tokenizer } = this.#readFor(base);
    checkData(data);
    const divided = divide(data, settings.heldOut, settings.seed);
    refuseBusy(this.#run?.work?.kind);
    await this.#free();
    const otherBytes = this.#otherBytes(base.backend);
    const copy = await copyModel(base, { dtype: dtypeOf(settings), seed: settings.seed });
    try {
      const model = prepare(copy, data, settings);
      const labels = data.task === "labels" ? data.labels : [];
      const task = taskOf(data, divided, settings, (scores, right) => {
        this.#run!.temperature = temperatureOf(scores, right);
        const numbers = labels.map((_, i) => i);
        this.#run!.confusion = classificationReport(scores.map(best), right, { labels: numbers }).confusion.counts;
      });
      const options = optionsOf(model, task, settings);
      const asked = data.task === "messages" ? askedOf(data.chats[divided.validation[0] ?? divided.train[0]].messages) : undefined;
      this.#run = {
        task: data.task, method: settings.method, labels, model, tokenizer, base, asked, otherBytes,
        events: finetune(model, options), temperature: undefined, confusion: undefined, isOver: false, work: undefined,
      };
      return { task: data.task, method: settings.method, labels, steps: finetuningOptions(model, options).steps };
    } catch (error) {
      copy.dispose();
      throw error;
    }
  }

  /** Takes steps until the end, or until it is stopped. The page's answers let the Worker hear of that. */
  follow(signal: AbortSignal, onEvents: (events: readonly TuningEvent[]) => void | Promise<void>): Promise<boolean> {
    return this.#alone("learns", (run) => takeSteps(run, signal, onEvents));
  }

  async classify(text: string): Promise<ClassifiedText> {
    const { model, tokenizer, labels, temperature } = this.#tuned();
    const { contextLength } = model.config;
    const all = tokenizer.encode(text, { addSpecialTokens: true, disallowedSpecial: [] });
    if (all.length === 0) throw new EngineError({ code: "empty-prompt", message: "there is no text to classify" });
    const [probabilities] = classProbabilities(await scoreLabels(model, [Int32Array.from(all.slice(0, contextLength))]), temperature);
    return {
      labels: labels.map((label, i) => ({ label, probability: probabilities[i] })).sort((a, b) => b.probability - a.probability),
      calibrated: temperature !== undefined, cut: all.length > contextLength,
    };
  }

  chat(messages: readonly TuningMessage[], tuned: boolean, signal: AbortSignal, onText: (text: string) => void | Promise<void>): Promise<void> {
    return this.#alone("answers", async ({ model, tokenizer, method, base }) => {
      if (tuned || method === "lora") {
        if (!tuned) setAdapter(model, undefined);
        try {
          return await answer(model, tokenizer, messages, signal, onText);
        } finally {
          if (!tuned) setAdapter(model, "default");
        }
      }
      await this.#session.withModel(async ({ model }, closing) => {
        if (model !== base) throw new EngineError({ code: "not-open", message: "the model that was tuned is not open any more" });
        await answer(base, tokenizer, messages, AbortSignal.any([signal, closing]), onText);
      });
    });
  }

  pack(kind: TunedPackage): Promise<MadeFile> {
    return this.#alone("packs", ({ model, tokenizer, method, temperature }) => packageOf(kind, { model, tokenizer, hasAdapter: method === "lora", temperature }));
  }

  /** Opens a copy of what was tuned, which stays here and can be tuned on. */
  open(): Promise<ModelReport> {
    return this.#alone("opens", async ({ model, tokenizer, method }) => {
      if (model.config.head.type === "classes") throw new EngineError({ code: "no-text", message: "the tuned model gives classes to texts, and writes none" });
      const whole = await wholeOf(model, method === "lora");
      const report = reportOf(whole.config, tokenizer, matrixDTypesOf(whole));
      await this.#session.replaceModel(whole, tokenizer, report.weightBytes);
      return report;
    });
  }

  /** Frees what was tuned, once what begins it or works with it has ended. */
  async discard(): Promise<void> {
    await Promise.allSettled([this.#beginning, this.#run?.work?.ended]);
    await this.#free();
  }

  async #free(): Promise<void> {
    const run = this.#run;
    this.#run = undefined;
    if (!run) return;
    await run.events.return();
    run.model.dispose();
  }

  /** What the next run finds free, as the one before is freed first. */
  #heldBytes(backend: Backend): number {
    return this.#run ? Math.max(0, this.#otherBytes(backend) - this.#run.otherBytes) : 0;
  }

  /** Bytes of the backend that are not the open model's. */
  #otherBytes({ memory }: Backend): number {
    return memory.liveBytes - this.#session.weightBytes;
  }

  #readFor(model: GPT) {
    if (this.#data?.model !== model) throw new EngineError({ code: "no-examples", message: "no data have been read for the open model" });
    return this.#data;
  }

  #tuned(): Run {
    if (!this.#run) throw new EngineError({ code: "not-tuned", message: "no model has been tuned yet" });
    return this.#run;
  }

  /** Works with the run while nothing else does. */
  async #alone<T>(kind: Work, work: (run: Run) => Promise<T>): Promise<T> {
    const run = this.#tuned();
    refuseBusy(run.work?.kind);
    const ended = work(run);
    run.work = { kind, ended };
    try {
      return await ended;
    } finally {
      run.work = undefined;
    }
  }
}

function refuseBusy(work: Work | undefined): void {
  if (work) throw new EngineError({ code: `tuned-${work}`, message: `the tuned model ${work}; let that end, or stop it` });
}

async function takeSteps(run: Run, signal: AbortSignal, onEvents: (events: readonly TuningEvent[]) => void | Promise<void>): Promise<boolean> {
  const messages = new Messages(onEvents);
  try {
    while (!signal.aborted && !run.isOver) {
      const { value, done } = await run.events.next();
      if (done) run.isOver = true;
      else if (value.type === "step") await messages.tell({ type: "step", step: value.step, loss: value.loss });
      else if (value.type === "evaluation") await messages.tell(await evaluationOf(run, value));
    }
    await messages.flush();
    return run.isOver;
  } catch (error) {
    run.isOver = true;
    throw error;
  }
}

function withPlainTemplate(tokenizer: Tokenizer): Tokenizer {
  if (tokenizer.endOfText === undefined) {
    throw new EngineError({ code: "no-end-of-text", message: "the model's tokenizer has no token that ends a text, so that a model could not learn to end an answer" });
  }
  return tokenizerFromFiles(new Map([...tokenizerFiles(tokenizer), ["chat_template.jinja", plainChatTemplate]]));
}

const best = (scores: Float32Array): number => scores.indexOf(Math.max(...scores));

function temperatureOf(scores: readonly Float32Array[], right: readonly number[]): number | undefined {
  if (scores.length < fewestToCalibrate || scores.every((row, i) => best(row) === right[i])) return undefined;
  return fitTemperature(scores, right);
}

function askedOf(messages: readonly ChatMessage[]): Run["asked"] {
  const last = messages.findLastIndex(({ role }) => role === "assistant");
  return { messages: messages.slice(0, last), wanted: textOf(messages[last]) };
}

/** What is said, where that is a text. */
function textOf(message: ChatMessage | undefined): string {
  return typeof message?.content === "string" ? message.content : "";
}

async function evaluationOf(run: Run, { step, loss, metrics }: EvaluationEvent): Promise<TuningEvaluation> {
  const { asked, model, tokenizer, confusion } = run;
  const own = { type: "evaluation", step, loss } as const;
  if (!asked) return { ...own, accuracy: metrics?.accuracy, f1: metrics?.f1, confusion };
  let written = "";
  const stream = streamChat(model, tokenizer, asked.messages, { maxTokens: roomFor(model, longestAnswer), temperature: 0, modelDefaults: false });
  for await (const event of stream) if (event.type === "text") written += event.text;
  return { ...own, answer: { asked: textOf(asked.messages.at(-1)), wanted: asked.wanted, written } };
}

/** A model that answers at length needs room for the chat as well. */
const roomFor = ({ config }: GPT, tokens: number): number => Math.max(1, Math.min(tokens, Math.floor(config.contextLength / 2)));

async function answer(
  model: GPT, tokenizer: Tokenizer, messages: readonly TuningMessage[], signal: AbortSignal, onText: (text: string) => void | Promise<void>,
): Promise<void> {
  const written = new Messages<string>((texts) => onText(texts.join("")));
  const options = { maxTokens: roomFor(model, 200), temperature: 0.7, modelDefaults: false, signal } as const;
  for await (const event of streamChat(model, tokenizer, messages, options)) {
    if (event.type === "text") await written.tell(event.text);
  }
  await written.flush();
}
