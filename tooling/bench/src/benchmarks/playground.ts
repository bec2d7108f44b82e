import { spawn } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { launch } from "@gpt/testing/browser";
import { repository } from "@gpt/testing/commands";
import { buildPlayground } from "@gpt/testing/playground";
import { isolation, whileServing } from "@gpt/testing/static-server";
import { alternate } from "../harness/alternate.ts";
import type { Turn } from "../harness/alternate.ts";
import type { Section } from "../harness/report.ts";
import { bounded, compared, formatSample, milliseconds, rate } from "../harness/rows.ts";
import type { Row } from "../harness/rows.ts";
import { Sample } from "../harness/sample.ts";
import { withTemporaryFolder } from "../harness/temporary.ts";
import { corpus } from "../models/corpus.ts";
import type { BenchmarkOptions } from "./benchmark.ts";

const command = join(repository, "apps/cli/dist/main.js");

/** A run that no turn comes to the end of. */
const shape = { layers: 4, heads: 4, dim: 128, contextLength: 128, batchSize: 8, steps: 10_000, vocabSize: 1024 };
/** How long a turn is, and what of it warms up, in milliseconds. */
const [turn, warmUp] = [10_000, 3000];
/** Between two looks at the page. */
const look = 500;

type Browser = Awaited<ReturnType<typeof launch>>;
type Page = Awaited<ReturnType<Browser["newPage"]>>;

/** First visits; training in the tab beside training by the command, and how long the page is busy meanwhile. */
export async function playground({ rounds, progress }: BenchmarkOptions): Promise<Section> {
  if (!existsSync(command)) throw new Error("the command is not built: run `npm run bench`, or `npm run build` before");
  return withTemporaryFolder(async (folder) => {
    progress("playground: build the page");
    const [site, text] = [join(folder, "site"), join(folder, "text.txt")];
    await buildPlayground(site);
    writeFileSync(text, [...corpus({ bytes: 1e6, words: 20_000 })].join(""));
    const rows: Row[] = [];
    for (const isolated of [true, false]) {
      await whileServing(site, async (url) => {
        const browser = await launch();
        try {
          if (isolated) {
            progress("playground: first visits");
            rows.push(...(await firstVisits(browser, url, rounds)));
          }
          const page = await browser.newPage({ locale: "en-US", viewport: { width: 1440, height: 900 } });
          const threads = await open(page, url, text);
          progress(`playground: ${threadsOf(threads)}`);
          let runs = 0;
          const turns = new Map<string, Turn>([
            ["page", () => inPage(page)],
            ["command", () => byCommand(text, join(folder, `run-${threads}-${runs++}`), threads)],
          ]);
          const times = await alternate(turns, rounds);
          const [ours, theirs] = [times.get("page")!, times.get("command")!];
          // Times are of a thousand tokens.
          rows.push(compared({ work: `a GPT of ${shape.layers} blocks, width ${shape.dim}, ${threadsOf(threads)}: training in the tab`, unit: rate("tokens/s", 1000), ours, against: "gpt train", theirs, demanded: 0.9 }));
          const tasks = await longTasks(page);
          const longest = Math.max(0, ...tasks);
          const max = threads === 1 ? 200 : 50;
          const work = `the page's longest task meanwhile, ${threadsOf(threads)}`;
          rows.push(bounded({ work, ours: longest === 0 ? "below 50 ms" : `${Math.round(longest)} ms (${tasks.length} above 50 ms)`, value: longest, max, demanded: `${max} ms` }));
        } finally {
          await browser.close();
        }
      }, isolated ? isolation : {});
    }
    const notes = [`${shape.batchSize} windows of ${shape.contextLength} tokens a step, ${shape.vocabSize} byte pairs; the page draws its charts, and evaluates, writes and saves as always`];
    return { title: "The playground", rows, notes };
  });
}

/** Visits by visitors whose browser has nothing of the page yet; before them one that does not count. */
async function firstVisits(browser: Browser, url: string, rounds: number): Promise<Row[]> {
  const visits: { readonly input: number; readonly answer: number }[] = [];
  for (let visit = 0; visit <= rounds; visit++) {
    const page = await browser.newPage({ locale: "en-US", viewport: { width: 1440, height: 900 } });
    const began = performance.now();
    await page.goto(url, { waitUntil: "commit" });
    await page.getByRole("main").getByRole("textbox").first().fill("Once there was a dog");
    const input = performance.now() - began;
    await page.getByRole("main").getByText(/^\d+(\.\d+)?%$/).first().waitFor();
    if (visit > 0) visits.push({ input, answer: performance.now() - began });
    await page.close();
  }
  const [input, answer] = (["input", "answer"] as const).map((name) => new Sample(visits.map((visit) => visit[name])));
  return [
    bounded({ work: "a first visit, until the page takes a text", ours: formatSample(input, milliseconds), value: input.median, max: 2000, demanded: "2 s" }),
    { work: "a first visit, until the model says how that text goes on", ours: formatSample(answer, milliseconds) },
  ];
}

const threadsOf = (threads: number): string => `${threads} ${threads === 1 ? "thread" : "threads"}`;

/** Opens the page, and begins a run that waits; gives the threads that it has. */
async function open(page: Page, url: string, text: string): Promise<number> {
  page.setDefaultTimeout(300_000);
  await page.addInitScript(() => {
    const tasks: number[] = [];
    Object.assign(globalThis, { tasks });
    new PerformanceObserver((list) => tasks.push(...list.getEntries().map(({ duration }) => duration))).observe({ type: "longtask" });
  });
  await page.goto(`${url}#train?${new URLSearchParams(Object.entries(shape).map(([name, value]) => [name, `${value}`])).toString()}`);
  await page.getByRole("radio", { name: "Your own" }).check();
  await page.locator("input[type=file]").setInputFiles(text);
  await page.getByText(/^text\.txt: [\d,]+ characters$/).waitFor();
  await page.locator(".chip .dot.ready").nth(1).waitFor();
  const chip = await page.getByRole("button", { name: /^Computes on/ }).innerText();
  await page.getByRole("button", { name: "Start", exact: true }).click();
  await page.getByText(/tokens\/s/).waitFor();
  await page.getByRole("button", { name: "Pause" }).click();
  await longTasks(page);
  return Number(/× (\d+)/.exec(chip)?.[1] ?? 1);
}

/** The long tasks since the last time that they were asked for, in milliseconds. */
function longTasks(page: Page): Promise<number[]> {
  return page.evaluate(() => (globalThis as unknown as { tasks: number[] }).tasks.splice(0));
}

/** Lets the run in the page go on for a while; times of a thousand tokens. */
async function inPage(page: Page): Promise<number[]> {
  await page.getByRole("button", { name: "Go on" }).first().click();
  await page.waitForTimeout(warmUp);
  const times: number[] = [];
  for (const end = performance.now() + turn - warmUp; performance.now() < end;) {
    await page.waitForTimeout(look);
    const [, shown] = /([\d,]+) tokens\/s/.exec(await page.locator(".facts-line").innerText()) ?? [];
    times.push(1e6 / Number(shown?.replaceAll(",", "")));
  }
  await page.getByRole("button", { name: "Pause" }).click();
  await page.getByText("Paused.").waitFor();
  return times;
}

/** The same by the command, which is ended after as long. */
async function byCommand(data: string, out: string, threads: number): Promise<number[]> {
  const options = {
    data, out, layers: shape.layers, heads: shape.heads, dim: shape.dim, context: shape.contextLength, batch: shape.batchSize, steps: shape.steps,
    tokenizer: "bpe", "vocab-size": shape.vocabSize, lr: 0.005, threads, "log-every": 25,
  };
  const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, `${value}`]);
  const child = spawn(process.execPath, [command, "train", ...args, "--untied-head", "--json"], { stdio: ["ignore", "pipe", "ignore"] });
  const ended = new Promise((settle) => child.on("close", settle));
  const times: number[] = [];
  let first: number | undefined;
  for await (const line of createInterface({ input: child.stdout })) {
    const { step, tokensPerSecond } = JSON.parse(line) as { step?: number; tokensPerSecond?: number };
    if (step === undefined || tokensPerSecond === undefined) continue;
    first ??= performance.now();
    if (performance.now() - first > warmUp) times.push(1e6 / tokensPerSecond);
    if (performance.now() - first > turn) break;
  }
  child.kill();
  await ended;
  return times;
}
