import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { run } from "@gpt/testing/commands";
import { expect, test } from "vitest";
import { freshProject } from "./fresh-project.ts";

const script = `
  import { gpt2 } from "@gpt/tokenizer/gpt2";
  const tokenizer = await gpt2();
  const ids = tokenizer.encode("Hello, world");
  console.log(JSON.stringify({ ids, text: tokenizer.decode(ids) }));
`;

test("the tokenizer is installed without others of ours, and works without what chats need", async () => {
  const project = await freshProject(["@gpt/tokenizer"], { "main.js": script });
  const installed = await readdir(join(project, "node_modules"));
  expect(installed.filter((name) => !name.startsWith("."))).toEqual(["@gpt", "@huggingface"]);
  expect(await readdir(join(project, "node_modules/@huggingface"))).toEqual(["jinja"]);
  await rm(join(project, "node_modules/@huggingface"), { recursive: true });
  expect(await readdir(join(project, "node_modules/@gpt"))).toEqual(["tokenizer"]);
  const output: unknown = JSON.parse(await run(process.execPath, ["main.js"], project));
  expect(output).toEqual({ ids: [15496, 11, 995], text: "Hello, world" });
});
