import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openPage } from "@gpt/testing/browser";
import type { OpenPage } from "@gpt/testing/browser";
import { serve } from "@gpt/testing/static-server";
import { build } from "tsup";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { train } from "../loop/train.ts";
import { createRun, resumeRun } from "../node/run-folder.ts";
import { collect, patternedData, startBackend, tinyModel } from "../../test/fixtures.ts";
import { doneOf, weights } from "../../test/loop.ts";
import { webRun } from "../../test/web-run.ts";
import type { Question, Reply } from "../../test/web-page.ts";
import type { StoredRun } from "./runs.ts";

let directory: string;
let pages: Awaited<ReturnType<typeof serve>>;
let page: OpenPage;
/** What a run without interruption ends with. */
let whole: Reply["weights"];

beforeAll(async () => {
  await startBackend();
  directory = await mkdtemp(join(tmpdir(), "gpt-runs-"));
  await build({
    entry: [join(import.meta.dirname, "../../test/web-page.ts")],
    outDir: directory, format: "esm", target: "es2023", platform: "browser", config: false, silent: true, noExternal: [/./], splitting: true,
    esbuildOptions: (options) => void (options.conditions = ["@gpt/source"]),
  });
  await writeFile(join(directory, "index.html"), '<!doctype html><link rel="icon" href="data:," /><script type="module" src="web-page.js"></script>');
  pages = await serve(directory);
  page = await openPage(pages.url);
  whole = (await ask({ do: "train" })).weights;
});
afterAll(async () => {
  await page.close();
  await pages.close();
  await rm(directory, { recursive: true });
});
afterEach(async () => {
  await page.limitStorage(1e9);
  await ask({ do: "letGo" });
  for (const { name } of await list()) await ask({ do: "remove", name });
});

const ask = (question: Question): Promise<Reply> => page.ask(question) as Promise<Reply>;
const list = async (): Promise<StoredRun[]> => (await ask({ do: "list" })).value as StoredRun[];

test("a run is kept, listed, and goes on bit by bit", async () => {
  const { events } = await ask({ do: "train", name: "first", stopAt: 7 });
  expect(events!.at(-1)).toMatchObject({ type: "done", step: 7, interrupted: true });
  expect(events!.find(({ type }) => type === "checkpoint")).toEqual({ type: "checkpoint", step: 0, directory: "first/checkpoints/step-0" });
  const [{ bytes, checkpoint, ...run }] = await list();
  expect(run).toEqual({ name: "first", inUse: false, isFinished: false });
  expect(checkpoint).toMatchObject({ step: 7, record: { settings: { steps: 12 } } });
  expect(bytes).toBeGreaterThan(10_000);
  expect(Date.now() - checkpoint!.time).toBeLessThan(600_000);

  const resumed = await ask({ do: "resume", name: "first" });
  expect(resumed.value).toEqual({ step: 7, notes: [] });
  expect(resumed.weights).toEqual(whole);
  expect(resumed.events!.at(-1)).toMatchObject({ type: "done", step: 12, interrupted: false, directory: "first" });
  expect(await list()).toMatchObject([{ name: "first", isFinished: true, checkpoint: { step: 12 } }]);
  expect((await ask({ do: "train", name: "first" })).error).toEqual({
    code: "run-exists", message: 'there is a run "first" already: resume it (resumeRun), remove it (removeRun), or choose another name',
  });
  expect((await ask({ do: "remove", name: "first" })).value).toEqual([]);
  expect((await ask({ do: "resume", name: "first" })).error?.code).toBe("no-checkpoint");
  expect((await ask({ do: "resume", name: "../first" })).error?.code).toBe("invalid-option");
});

test("a run that is in use is left as it is", async () => {
  await ask({ do: "train", name: "held", stopAt: 4 });
  await ask({ do: "hold", name: "held" });
  expect(await list()).toMatchObject([{ name: "held", inUse: true, checkpoint: { step: 4 } }]);
  for (const question of [{ do: "resume", name: "held" }, { do: "remove", name: "held" }, { do: "removeCheckpoint", name: "held", step: 4 }] as const) {
    expect((await ask(question)).error?.code, question.do).toBe("run-in-use");
  }
  await ask({ do: "letGo" });
  expect((await ask({ do: "resume", name: "held" })).weights).toEqual(whole);
});

test("a page that is closed at any moment leaves the last complete checkpoint", async () => {
  for (const [i, after] of [0, 3, 11, 24, 50, 90].entries()) {
    const name = `crash-${i}`;
    await ask({ do: "crash", name, after });
    // All that is listed can be gone on with: every file is as its checksum says.
    const [{ checkpoint }] = (await list()).filter((run) => run.name === name);
    const { value, error } = await ask({ do: "resume", name, allowChanges: true });
    expect(error).toBeUndefined();
    expect((value as { step: number }).step).toBeGreaterThanOrEqual(checkpoint!.step);
    expect((value as { step: number }).step % 3).toBe(0);
  }
});

test("a checkpoint that is damaged is refused, and removed on demand", async () => {
  await ask({ do: "train", name: "damaged", stopAt: 7 });
  await ask({ do: "damage", name: "damaged", step: 7 });
  const { error } = await ask({ do: "resume", name: "damaged" });
  expect(error).toMatchObject({ code: "invalid-checkpoint" });
  expect(error!.message).toContain('is not what was written (by its checksum); removeCheckpoint("damaged", 7) lets it go on from step 6');
  await ask({ do: "removeCheckpoint", name: "damaged", step: 7 });
  expect((await ask({ do: "resume", name: "damaged" })).weights).toEqual(whole);
});

test("where storage is full, a run ends with what is wrong, or goes on without being saved", async () => {
  await ask({ do: "train", name: "full", stopAt: 4 });
  await page.limitStorage(((await ask({ do: "usage" })).value as number) + 2_000);
  const { error } = await ask({ do: "resume", name: "full" });
  expect(error).toMatchObject({ code: "write-failed" });
  expect(error!.message).toContain("the storage that the browser gives this page is full");
  const unsaved = await ask({ do: "train", name: "unsaved", goesOn: true });
  expect(unsaved.weights).toEqual(whole);
  expect(unsaved.failures!.length).toBeGreaterThan(3);
  expect(unsaved.events!.at(-1)).toMatchObject({ type: "done", step: 12, interrupted: false, directory: null });
  await page.limitStorage(1e9);
  expect((await list()).map(({ name, checkpoint }) => [name, checkpoint?.step])).toEqual([["full", 4], ["unsaved", undefined], ["with-notes", undefined]]);
  expect((await ask({ do: "resume", name: "full" })).weights).toEqual(whole);
});

test("runs go from here to Node and back", async () => {
  await ask({ do: "train", name: "there", stopAt: 4 });
  const { step, contents } = (await ask({ do: "read", name: "there" })).value as { step: number; contents: Record<string, string> };
  expect(Object.keys(contents)).toEqual(["config.json", "model.safetensors", "optimizer.safetensors", "tokenizer.json", "training.json"]);
  const folder = join(directory, "there");
  await mkdir(join(folder, "checkpoints", `step-${step}`), { recursive: true });
  for (const [name, content] of Object.entries(contents)) await writeFile(join(folder, "checkpoints", `step-${step}`, name), content, "base64");
  const { model, ...resumed } = await resumeRun(folder);
  const settings = { ...webRun.settings, data: patternedData(), steps: webRun.steps };
  expect(doneOf(await collect(train(model, { ...settings, ...resumed, allowChanges: true })))).toMatchObject({ step: 12 });
  // Both run on V8, which computes alike.
  expect(weights(model).map((values) => [...values])).toEqual(whole);

  const back = join(directory, "back");
  const end = new AbortController();
  const checkpointer = await createRun(back);
  for await (const event of train(tinyModel(webRun.model), { ...settings, evaluateEvery: 1, keepBest: true, checkpointer, signal: end.signal })) {
    if (event.type === "step" && event.step === 5) end.abort();
  }
  for (const checkpoint of await readdir(join(back, "checkpoints"))) {
    const from = join(back, "checkpoints", checkpoint);
    const files: Record<string, string> = {};
    for (const name of await readdir(from)) files[name] = (await readFile(join(from, name))).toString("base64");
    await ask({ do: "write", folder: ["dropped", "checkpoints", checkpoint], files });
  }
  expect(await ask({ do: "import", name: "back", folder: "dropped" })).toEqual({});
  // The best one, which lies before the newest, came along.
  const { step: newest, best } = (await list()).find(({ name }) => name === "back")!.checkpoint!;
  expect(newest).toBe(5);
  expect(best!.step).toBeLessThan(5);
  expect(await ask({ do: "removeCheckpoint", name: "back", step: best!.step })).toEqual({});
  expect((await ask({ do: "resume", name: "back" })).error?.code).toBe("resume-mismatch");
  expect((await ask({ do: "resume", name: "back", allowChanges: true })).weights).toEqual(whole);
  expect((await ask({ do: "import", name: "back", folder: "dropped" })).error?.code).toBe("run-exists");
  expect((await ask({ do: "import", name: "other", folder: "gpt-runs" })).error?.code).toBe("no-checkpoint");
});
