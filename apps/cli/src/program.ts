import { Command, CommanderError } from "commander";
import { isGptError, printableMessage } from "@gpt/tensor";
import { benchCommand } from "./commands/bench.ts";
import { chatCommand } from "./commands/chat.ts";
import { convertCommand } from "./commands/convert.ts";
import { demoCommand } from "./commands/demo.ts";
import { evalCommand } from "./commands/eval.ts";
import { exportCommand } from "./commands/export.ts";
import { finetuneCommand } from "./commands/finetune.ts";
import { generateCommand } from "./commands/generate.ts";
import { infoCommand } from "./commands/info.ts";
import { modelsCommand } from "./commands/models.ts";
import { playgroundCommand } from "./commands/playground.ts";
import { quantizeCommand } from "./commands/quantize.ts";
import { tokenizeCommand } from "./commands/tokenize.ts";
import { tokenizerCommand } from "./commands/tokenizer.ts";
import { trainCommand } from "./commands/train.ts";
import { exitStatus } from "./errors.ts";
import { ourCommand, ourOption } from "./foreign-names.ts";
import { runRevectorized, wantsRevectorized } from "./revectorize.ts";
import { styled } from "./style.ts";
import { shownLines } from "./terminal-text.ts";
import packageJson from "../package.json" with { type: "json" };

/** The command with all that belongs to it, ready to parse. */
export function program(): Command {
  const gpt = new Command("gpt")
    .description("Train GPT models, write text with them, and look inside")
    .version(packageJson.version);
  for (const command of [
    trainCommand(), finetuneCommand(), generateCommand(), chatCommand(), evalCommand(), infoCommand(), modelsCommand(),
    convertCommand(), quantizeCommand(), exportCommand(), tokenizeCommand(), tokenizerCommand(), benchCommand(), demoCommand(),
    playgroundCommand(),
  ]) {
    gpt.addCommand(command);
  }
  for (const command of [gpt, ...gpt.commands, ...gpt.commands.flatMap(({ commands }) => commands)]) {
    command
      .exitOverride()
      .configureOutput({ outputError: (text, write) => write(`${printableMessage(message(text, command))}\n`) })
      .showHelpAfterError("(`--help` shows all options and an example)");
  }
  return gpt;
}

/** A message of commander's in one line: it puts a suggestion below. Names that are other programs' are answered by ours. */
function message(text: string, command: Command): string {
  return hint(text, command) ?? text.trimEnd().replace(/\n(\(Did you mean .*\?\))$/s, " $1");
}

function hint(text: string, { options, commands, args, registeredArguments }: Command): string | undefined {
  const longNames = options.map(({ long }) => long ?? "");
  const [, kind, given] = /^error: unknown (option|command) '(.*?)'/s.exec(text) ?? [];
  if (kind) {
    const ours = kind === "option" ? ourOption(given, longNames) : ourCommand(given, commands.map((command) => command.name()));
    return ours && `error: unknown ${kind} '${given}': here it is ${ours}`;
  }
  if (!text.startsWith("error: too many arguments") || registeredArguments.length > 0) return undefined;
  const names = longNames.filter((name) => mainOptions.has(name));
  return names.length > 0 ? `error: unexpected '${args[0]}': say what it is by ${names.join(" or ")}` : undefined;
}

/** What other programs take without a name. */
const mainOptions = new Set(["--data", "--prompt", "--preset", "--model"]);

/** Runs the command line and returns the exit status. Every failure is one clear line on standard error. */
export async function run(argv: readonly string[]): Promise<number> {
  try {
    if (wantsRevectorized(argv)) return await runRevectorized();
    await program().parseAsync(argv, { from: "user" });
    return exitStatus.done;
  } catch (error) {
    if (error instanceof CommanderError) {
      return error.exitCode === 0 ? exitStatus.done : exitStatus.wrongUsage;
    }
    if (error instanceof Error && error.name === "AbortError") return exitStatus.interrupted;
    process.stderr.write(`${styled("red", "error:")} ${describe(error)}\n`);
    return isGptError(error) && usageCodes.has(error.code) ? exitStatus.wrongUsage : exitStatus.failed;
  }
}

/** Codes of errors that the user's options caused. */
const usageCodes = new Set(["usage", "invalid-option", "invalid-config", "unknown-preset", "unknown-encoding"]);

function describe(error: unknown): string {
  // The library's way out, as the command has it.
  if (isGptError(error)) return error.message.replace(/\((keepBest: false, )?allowChanges\)/, "(--allow-changes)");
  if (!(error instanceof Error)) return printableMessage(String(error));
  // An error of the system (a missing file, a full disk) says all in its message; any other is a defect of ours.
  return "syscall" in error ? printableMessage(error.message) : shownLines(error.stack ?? error.message);
}
