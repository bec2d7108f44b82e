import { randomBytes } from "node:crypto";
import { stat } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { Command } from "commander";
import { CommandError } from "../errors.ts";
import { interruptible } from "../interruption.ts";
import { modelDirectory } from "../model.ts";
import { path, wholeNumber } from "../options.ts";
import { Output } from "../output.ts";
import { openBrowser } from "../playground/open-browser.ts";
import { filesOfModel, filesOfPage } from "../playground/served-files.ts";
import type { ServedFiles } from "../playground/served-files.ts";
import { serveFiles, usualPort } from "../playground/server.ts";

interface Options {
  readonly model?: string;
  readonly port?: number;
  readonly open: boolean;
  readonly json?: boolean;
}

const examples = `
Example:
  gpt playground --model runs/book`;

/** The built page, which is copied here when the command is packed. */
const page = join(import.meta.dirname, "playground");

export function playgroundCommand(): Command {
  return new Command("playground")
    .description("See in the browser how a GPT works; Ctrl-C ends it")
    .option("--model <dir>", "open a model's folder, a training run's, a GGUF file, or OWNER/NAME on the Hugging Face hub; default: the one that comes with it", path)
    .option("--port <n>", `where to serve it on this machine; default: ${usualPort}, or a free one where that is taken`, wholeNumber(1, 65_535))
    .option("--no-open", "print the address, and open no browser")
    .option("--json", "print one JSON object: {listening}")
    .addHelpText("after", examples)
    .action(playground);
}

async function playground({ model, port, open, json }: Options): Promise<void> {
  const output = new Output({ json });
  const files = await filesOfPage(page);
  if (!files.has("/")) throw new CommandError("this build of the command has no playground; in a clone run `npm run playground`");
  const opened = model === undefined ? undefined : await openedModel(model, output);
  const server = await serveFiles(new Map([...files, ...(opened?.files ?? [])]), port);
  const url = server.url + (opened ? `#inside?${new URLSearchParams({ model: opened.address }).toString()}` : "");
  try {
    output.text(`The playground is at ${url}\n`);
    output.record({ listening: url });
    output.note("Ctrl-C ends it.");
    if (open) openBrowser(url, () => output.remark("no browser could be opened; open the address yourself"));
    await interruptible(() => undefined, (signal) => new Promise<void>((ended) => signal.addEventListener("abort", () => ended())));
  } finally {
    await server.close();
  }
}

/** A model's files, below a path that no other page guesses, and its address: that of the folder, or of the GGUF file. */
async function openedModel(given: string, output: Output): Promise<{ readonly files: ServedFiles; readonly address: string }> {
  const directory = await modelDirectory(given, output);
  const place = `/models/${randomBytes(12).toString("hex")}`;
  const address = `${place}/${basename(resolve(directory))}`;
  const isFolder = (await stat(directory)).isDirectory();
  return { files: await filesOfModel(directory, isFolder ? address : place), address };
}
