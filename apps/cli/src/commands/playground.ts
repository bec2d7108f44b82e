import { join } from "node:path";
import { Command } from "commander";
import { CommandError } from "../errors.ts";
import { interruptible } from "../interruption.ts";
import { wholeNumber } from "../options.ts";
import { Output } from "../output.ts";
import { openBrowser } from "../playground/open-browser.ts";
import { filesOfPage } from "../playground/served-files.ts";
import { serveFiles, usualPort } from "../playground/server.ts";

interface Options {
  readonly port?: number;
  readonly open: boolean;
  readonly json?: boolean;
}

const examples = `
Example:
  gpt playground --port 8080`;

/** The built page, which is copied here when the command is packed. */
const page = join(import.meta.dirname, "playground");

export function playgroundCommand(): Command {
  return new Command("playground")
    .description("See in the browser how a GPT works; Ctrl-C ends it")
    .option("--port <n>", `where to serve it on this machine; default: ${usualPort}, or a free one where that is taken`, wholeNumber(1, 65_535))
    .option("--no-open", "print the address, and open no browser")
    .option("--json", "print one JSON object: {listening}")
    .addHelpText("after", examples)
    .action(playground);
}

async function playground({ port, open, json }: Options): Promise<void> {
  const output = new Output({ json });
  const files = await filesOfPage(page);
  if (!files.has("/")) throw new CommandError("this build of the command has no playground; in a clone run `npm run playground`");
  const { url, close } = await serveFiles(files, port);
  try {
    output.text(`The playground is at ${url}\n`);
    output.record({ listening: url });
    output.note("Ctrl-C ends it.");
    if (open) openBrowser(url, () => output.remark("no browser could be opened; open the address yourself"));
    await interruptible(() => undefined, (signal) => new Promise<void>((ended) => signal.addEventListener("abort", () => ended())));
  } finally {
    await close();
  }
}
