import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { lowestNode, run } from "@gpt/testing/commands";
import { expect, test } from "vitest";
import { commandProject } from "./fresh-project.ts";

const project = commandProject();
const main = (): string => join(project(), "node_modules", "@gpt", "cli", "dist", "main.js");

test("the installed command answers, trains and writes", async () => {
  await writeFile(join(project(), "text.txt"), "the cat sat on the mat. ".repeat(40));
  expect(await run("npm", ["exec", "--", "gpt", "--help"], project())).toContain("Usage: gpt");
  const gpt = (...args: string[]): Promise<string> => run(process.execPath, [main(), ...args], project());
  expect(JSON.parse(await gpt("info", "--preset", "gpt2", "--json"))).toMatchObject({ parameters: 124_439_808 });

  const size = ["--layers", "1", "--heads", "2", "--dim", "16", "--context", "16", "--batch", "2"];
  const lines = (await gpt("train", "--data", "text.txt", "--out", "run", ...size, "--steps", "4", "--json")).trim().split("\n");
  expect(JSON.parse(lines.at(-1) ?? "")).toMatchObject({ done: true, step: 4 });
  const generate = ["generate", "--prompt", "the", "--max-tokens", "5", "--seed", "3", "--json", "--model"];
  const written = JSON.parse(await gpt(...generate, "run")) as { tokens: number[] };
  expect(written).toMatchObject({ promptTokens: 3, tokens: { length: 5 } });

  // The same under the lowest Node.
  const onLowest = (...args: string[]): Promise<string> => run(lowestNode, [main(), ...args], project());
  await onLowest("train", "--data", "text.txt", "--out", "run-lowest", ...size, "--steps", "4", "--json");
  expect(JSON.parse(await onLowest(...generate, "run-lowest"))).toMatchObject({ tokens: written.tokens });
});

test("the installed command serves the playground, isolated, until Ctrl-C", async () => {
  const server = spawn(process.execPath, [main(), "playground", "--no-open", "--json"], { stdio: ["ignore", "pipe", "inherit"] });
  const ended = once(server, "exit");
  const [line] = (await once(server.stdout, "data")) as [Buffer];
  const { listening } = JSON.parse(line.toString()) as { readonly listening: string };
  const page = await fetch(listening);
  expect(page.headers.get("cross-origin-embedder-policy")).toBe("require-corp");
  const assets = Array.from((await page.text()).matchAll(/"\.\/(assets\/[^"]+)"/g), ([, path]) => path);
  expect(assets.length).toBeGreaterThan(1);
  for (const path of [...assets, "licenses.md"]) expect(await fetch(listening + path)).toMatchObject({ status: 200 });
  server.kill("SIGINT");
  expect(await ended).toEqual([0, null]);
});
