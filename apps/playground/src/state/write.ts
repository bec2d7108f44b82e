import { computed, signal } from "@preact/signals";
import type { TokenPart } from "../engine/api/tokens.ts";
import type { Candidate, ChatMessage, ReadChat, Sampling, WritingEnd, WrittenToken } from "../engine/api/writing.ts";
import { engine, model, newJob, settled, whenModelChanges } from "./engine.ts";
import type { Settled } from "./engine.ts";
import { linked } from "./link.ts";
import { words } from "./locale.ts";

/** A token of the text: with its probability where the model wrote it. */
export type TextToken = TokenPart & Partial<Pick<WrittenToken, "probability">>;

/** A text that grew out of another, or of the prompt. */
export interface Branch {
  readonly tokens: readonly TextToken[];
  /** The first token that is its own. */
  readonly from: number;
}

export interface Controls extends Sampling {
  readonly maxTokens: number;
  readonly seed: number | undefined;
}

export const usual: Controls = { temperature: 0.8, topK: 0, topP: 1, minP: 0, repetitionPenalty: 1, maxTokens: 100, seed: undefined };
export const controls = signal(usual);

type RangeName = Exclude<keyof Controls, "seed">;

export interface Range {
  readonly min: number;
  readonly max: number;
  readonly step: number;
  /** At which it does nothing. */
  readonly off?: number;
}

/** What the controls can be; of tokens as many as the model reads at once. */
export const ranges = computed((): Readonly<Record<RangeName, Range>> => ({
  temperature: { min: 0, max: 2, step: 0.05 },
  topK: { min: 0, max: 100, step: 1, off: 0 },
  topP: { min: 0.05, max: 1, step: 0.05, off: 1 },
  minP: { min: 0, max: 0.5, step: 0.01, off: 0 },
  repetitionPenalty: { min: 1, max: 2, step: 0.05, off: 1 },
  maxTokens: { min: 1, max: model.value.status === "ready" ? model.value.value.contextLength : Infinity, step: 1 },
}));

/** Digits of a number that is exact. */
export function setSeed(text: string): string {
  const digits = text.replace(/\D/g, "").slice(0, 15);
  controls.value = { ...controls.value, seed: digits === "" ? undefined : Number(digits) };
  return digits;
}

/** What a user wrote; until then an opening. */
const written = signal<string | undefined>(undefined);
export const prompt = computed(() => written.value ?? words.value.write.opening);

/** Characters of a prompt: more than a small model reads, and no more than a browser lays out at once. */
export const longestPrompt = 20_000;

export function setPrompt(text: string): void {
  written.value = text;
}

/** Whether a user chats, where the model has a template for it, or continues a text. */
const wantsChat = signal(false);
export const canChat = computed(() => model.value.status === "ready" && model.value.value.chats);
export const isChat = computed(() => wantsChat.value && canChat.value);

export async function setChat(on: boolean): Promise<void> {
  await forget();
  wantsChat.value = on;
}

/** What the chat has, but the last answer. */
const said = signal<readonly ChatMessage[]>([]);
/** The prompt that the branches continue. */
const begun = signal<string | undefined>(undefined);
/** What it is to the model. */
const root = signal<ReadChat>({ tokens: [], stopTokens: [] });
export const branches = signal<readonly Branch[]>([]);
const current = signal(0);
export const currentBranch = computed(() => current.value);
export const branch = computed((): Branch | undefined => branches.value[current.value]);
/** Whether the prompt is another than that of the branches. */
export const isNew = computed(() => !isChat.value && begun.value !== prompt.value);

/** The token whose place is looked at: of the text, or the one that is to come. */
export const chosen = signal<number | undefined>(undefined);
/** How the last writing ended, if it began. */
export const outcome = signal<Settled<WritingEnd | undefined> | undefined>(undefined);

const job = signal<number | undefined>(undefined);
/** The job that was stopped last: where the model has not begun yet, it does not. */
let stopped: number | undefined;
let running: Promise<void> = Promise.resolve();
export const isWriting = computed(() => job.value !== undefined);

/** How many tokens the model's context has room for behind the text. */
const room = computed(() => (model.value.status === "ready" ? model.value.value.contextLength - (branch.value?.tokens.length ?? 0) : Infinity));
export const isFull = computed(() => room.value <= 0);

/** Writes behind the prompt: the first text, or one more. */
export function begin(): Promise<void> {
  return write(async () => {
    const text = prompt.value;
    return addRoot({ tokens: await engine.ask("readPrompt", text), stopTokens: [] }, text);
  });
}

/** Says something in the chat, which the model answers. What it said before is what the branch that is shown has. Tells whether it was said. */
export async function say(content: string): Promise<boolean> {
  let isSaid = false;
  await write(async () => {
    const next: readonly ChatMessage[] = [...said.value, ...answer(), { role: "user", content }];
    const read = await engine.ask("readChat", next);
    said.value = next;
    isSaid = true;
    return addRoot(read, undefined);
  });
  return isSaid;
}

/** Lets the model answer once more. */
export function answerAgain(): Promise<void> {
  return write(() => addRoot(root.value, undefined));
}

/** What the model answered to what was said last. */
function answer(): ChatMessage[] {
  if (!branch.value) return [];
  const bytes = branch.value.tokens.slice(root.value.tokens.length).flatMap(({ bytes }) => Array.from(bytes));
  return [{ role: "assistant", content: new TextDecoder().decode(Uint8Array.from(bytes)) }];
}

/** Forgets the texts. */
export async function forget(): Promise<void> {
  await stop();
  clear();
}

function clear(): void {
  branches.value = said.value = [];
  begun.value = chosen.value = outcome.value = undefined;
  current.value = 0;
}

/** Lets the model write at the end of the text. */
export function writeOn(): Promise<void> {
  return write(() => currentBranch.value);
}

/** Writes on from another token in the place of one. The text as it was stays a branch. */
export async function branchAt(index: number, { id, bytes, model: probability }: Candidate): Promise<void> {
  await stop();
  const tokens = branch.value?.tokens.slice(0, index) ?? [];
  await write(() => addBranch({ tokens: [...tokens, { id, bytes, probability }], from: index }));
}

/** Forgets the texts of another model, and begins as this one is to. */
export function beginAnew(prompt?: string): void {
  clear();
  written.value = prompt;
}

export function goTo(index: number): void {
  if (isWriting.value) return;
  current.value = index;
  chosen.value = undefined;
  outcome.value = undefined;
}

export async function stop(): Promise<void> {
  stopped = job.value;
  if (stopped !== undefined) await engine.ask("stop", stopped).catch(() => undefined); // Then the writing fails as well.
  await running;
}

/** Begins at what the model is to continue: a text of its own, unless the ones before continue the same. */
function addRoot(next: ReadChat, text: string | undefined): number {
  const isSame = begun.value === text && next.tokens.map(({ id }) => id).join() === root.value.tokens.map(({ id }) => id).join();
  if (!isSame) branches.value = [];
  begun.value = text;
  root.value = next;
  return addBranch({ tokens: next.tokens, from: next.tokens.length });
}

function addBranch(next: Branch): number {
  branches.value = [...branches.value, next];
  return (current.value = branches.value.length - 1);
}

/** Writes at the end of the branch that `start` gives, unless something is written already. */
async function write(start: () => number | Promise<number>): Promise<void> {
  if (isWriting.value) return;
  running = run(start, (job.value = newJob()));
  await running;
}

async function run(start: () => number | Promise<number>, number: number): Promise<void> {
  chosen.value = undefined;
  outcome.value = undefined;
  const { maxTokens, seed, ...sampling } = controls.value;
  outcome.value = await settled(Promise.resolve(start()).then((at) => {
    if (stopped === number) return undefined;
    const ids = branches.value[at].tokens.map(({ id }) => id);
    const { stopTokens } = root.value;
    const options = { sampling, seed, stopTokens, maxTokens: Math.min(maxTokens, Math.max(room.value, 0)) };
    return engine.ask("write", number, ids, options, (tokens) => {
      branches.value = branches.value.map((each, i) => (i === at ? { ...each, tokens: [...each.tokens, ...tokens] } : each));
    });
  }));
  job.value = undefined;
}

const ofScreen = { screen: "write" } as const;
linked({ ...ofScreen, name: "prompt", text: () => written.value, take: (text) => setPrompt(text.slice(0, longestPrompt)) });
for (const name of Object.keys(ranges.peek()) as RangeName[]) {
  linked({
    ...ofScreen, name,
    text: () => (controls.value[name] === usual[name] ? undefined : String(controls.value[name])),
    take: (text) => {
      const { min, max, step } = ranges.value[name];
      const value = step === 1 ? Math.round(Number(text)) : Number(text);
      const isExact = step !== 1 || Number.isSafeInteger(value);
      if (text !== "" && isExact && value >= min && value <= max) controls.value = { ...controls.value, [name]: value };
    },
  });
}
linked({ ...ofScreen, name: "mode", text: () => (wantsChat.value ? "chat" : undefined), take: (text) => (wantsChat.value = text === "chat") });
linked({ ...ofScreen, name: "seed", text: () => controls.value.seed?.toString(), take: setSeed });

// Tokens are those of another vocabulary then. The prompt stays.
whenModelChanges(clear);
