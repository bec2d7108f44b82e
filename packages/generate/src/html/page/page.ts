/** The page: what is given goes to the Worker, and what that writes is shown as it comes. */
import type { ChatMessage } from "@gpt/tokenizer/chat";
import { Engine } from "./engine.ts";
import { factsOf } from "./facts.ts";
import type { Controls, Failure, PageModel, Report } from "./messages.ts";
import { en, zh } from "./words.ts";
import type { Words } from "./words.ts";

const isChinese = navigator.languages.find((name) => /^(en|zh)\b/.test(name))?.startsWith("zh") ?? false;
const locale = isChinese ? "zh-CN" : "en";
const words: Words = isChinese ? zh : en;

const element = <K extends keyof HTMLElementTagNameMap = "span">(id: string): HTMLElementTagNameMap[K] =>
  document.getElementById(id) as HTMLElementTagNameMap[K];
const [given, write, on, clear] = [element<"textarea">("given"), element<"button">("write"), element<"button">("on"), element<"button">("clear")];
const [texts, status, progress] = [element<"ol">("texts"), element("status"), element<"progress">("progress")];
const sliders = { temperature: element<"input">("temperature"), topP: element<"input">("topP") };

const model = JSON.parse(element("model").textContent) as PageModel;
const { chats, byteLength } = model;

type State = "opening" | "ready" | "writing" | "failed";
let state: State = "opening";
/** Whether the text that is written is to be the last. */
let stopping = false;
/** Of a chat, what was said. */
let messages: readonly ChatMessage[] = [];
/** Of a text, all of it. */
let text = "";
/** Where the text that is written goes. */
let place = document.createElement("span");
/** Bytes of the weights that have come. */
let received = 0;

function showState(next: State, said: string): void {
  state = next;
  status.textContent = said;
  write.disabled = state === "opening" || state === "failed";
  write.textContent = state === "writing" ? words.stop : chats ? words.send : words.write;
  progress.hidden = state !== "opening";
  on.disabled = clear.disabled = write.disabled || state === "writing";
  texts.setAttribute("aria-busy", String(state === "writing"));
}

function showFailure({ code, message }: Failure): void {
  const known = Object.hasOwn(words.failures, code);
  element("reason").textContent = known ? words.failures[code] : words.failures.other;
  element("detail").textContent = message;
  element("failure").hidden = false;
}

const listener = {
  onOpened: () => showState("ready", words.ready),
  onText(piece: string): boolean {
    text += piece;
    const follows = isInView(given);
    place.append(piece);
    if (chats && follows) given.scrollIntoView({ block: "nearest" });
    return !stopping;
  },
  onFinish({ reason, tokens, seconds }: Extract<Report, { readonly type: "finish" }>): void {
    if (chats) messages = [...messages, { role: "assistant", content: text }];
    const number = new Intl.NumberFormat(locale, { maximumSignificantDigits: 3 });
    showState("ready", `${words.ends[reason]} ${words.rate(number.format(tokens), number.format(tokens / seconds))}`);
    on.hidden = chats || reason === "stop";
    clear.hidden = !chats;
  },
  onFailure(failure: Failure): void {
    showFailure(failure);
    const isLost = state === "opening" || failure.code === "engine-died";
    if (state === "writing" && chats) takeBack();
    showState(isLost ? "failed" : "ready", "");
  },
};

/** A message that was not answered goes back to where it was written. */
function takeBack(): void {
  const last = messages.at(-1);
  if (text !== "" || last?.role !== "user") return;
  messages = messages.slice(0, -1);
  for (let count = 0; count < 2; count++) texts.lastElementChild?.remove();
  given.value = String(last.content);
  element("texts-card").hidden = messages.length === 0;
}

function isInView(element: HTMLElement): boolean {
  const { top, bottom } = element.getBoundingClientRect();
  return top < innerHeight && bottom > 0;
}

function begin(prompt: string | readonly ChatMessage[]): void {
  if (!engine) return;
  stopping = false;
  element("failure").hidden = true;
  element("texts-card").hidden = false;
  on.hidden = true;
  showState("writing", words.writing);
  const controls: Controls = { temperature: sliders.temperature.valueAsNumber, topP: sliders.topP.valueAsNumber };
  engine.write(prompt, controls);
}

function press(): void {
  if (write.disabled) return;
  if (state === "writing") stopping = true;
  else if (chats) send();
  else {
    text = given.value;
    place = document.createElement("span");
    const beginning = document.createElement("b");
    beginning.textContent = text;
    texts.replaceChildren(itemOf("text", beginning, place));
    begin(text);
  }
}

function send(): void {
  const content = given.value.trim();
  if (content === "") return;
  given.value = text = "";
  place = document.createElement("span");
  texts.append(messageOf("user", content), messageOf("assistant", place));
  messages = [...messages, { role: "user", content }];
  begin(messages);
}

function messageOf(role: keyof Words["speakers"], content: string | Node): HTMLElement {
  const speaker = document.createElement("p");
  speaker.className = "speaker";
  speaker.textContent = words.speakers[role];
  const body = document.createElement("p");
  body.className = "text";
  body.append(content);
  return itemOf(role, speaker, body);
}

function itemOf(className: string, ...children: readonly Node[]): HTMLElement {
  const item = document.createElement("li");
  item.className = className;
  item.dir = "auto";
  item.append(...children);
  return item;
}

function fillPage(): void {
  document.documentElement.lang = locale;
  element("name").textContent = model.name;
  for (const place of document.querySelectorAll<HTMLElement>("[data-word]")) place.textContent = words[place.dataset.word as "about"];
  element("field").textContent = chats ? words.message : words.beginning;
  given.value = chats ? "" : words.example;
  progress.max = byteLength;
  progress.ariaLabel = words.opening;
  if (chats) element("composer").before(element("texts-card"));
  element("facts").append(...factsOf(model, words, locale));
  const decimals = new Intl.NumberFormat(locale, { minimumFractionDigits: 2 });
  const { temperature = 1, topP = 1 } = model.generation;
  for (const [name, value] of Object.entries({ temperature, topP })) {
    const slider = sliders[name as keyof Controls];
    const show = (): void => void (element(`${name}-value`).textContent = decimals.format(slider.valueAsNumber));
    slider.value = String(value);
    slider.addEventListener("input", show);
    show();
  }
}

fillPage();
showState("opening", words.opening);
write.addEventListener("click", press);
on.addEventListener("click", () => begin(text));
clear.addEventListener("click", () => {
  messages = [];
  texts.replaceChildren();
  element("texts-card").hidden = clear.hidden = true;
  showState("ready", words.ready);
  given.focus();
});
given.addEventListener("keydown", (event) => {
  // Enter may end the choice of a sign, and is no order then.
  const sends = event.key === "Enter" && !event.isComposing && (event.ctrlKey || event.metaKey || (chats && !event.shiftKey));
  if (!sends) return;
  event.preventDefault();
  if (state === "ready") press();
});

let engine: Engine | undefined;
try {
  engine = new Engine(element("engine").textContent, listener);
  engine.open(model);
} catch (error) {
  listener.onFailure({ code: "no-worker", message: String(error) });
}

/** Is called behind each part of the weights, which goes to the Worker, so that the page holds one at a time. */
function part(): void {
  const script = document.currentScript as HTMLScriptElement;
  const data = script.previousElementSibling as HTMLScriptElement;
  const base64 = data.textContent;
  data.remove();
  script.remove();
  received += Math.floor((base64.replace(/=+$/, "").length * 3) / 4);
  progress.value = received;
  if (state === "opening") engine?.push(base64);
}
Object.assign(globalThis, { part });

document.addEventListener("DOMContentLoaded", () => {
  if (received === byteLength || state !== "opening") return;
  const megabytes = new Intl.NumberFormat(locale, { style: "unit", unit: "megabyte", maximumFractionDigits: 1 });
  listener.onFailure({ code: "incomplete", message: `${megabytes.format(received / 1e6)} / ${megabytes.format(byteLength / 1e6)}` });
});
