import { createInterface } from "node:readline";
import { Command } from "commander";
import { streamChat } from "@gpt/generate/chat";
import type { GPT } from "@gpt/gpt";
import { isGptError } from "@gpt/tensor";
import type { CacheDType } from "@gpt/tensor";
import type { Tokenizer } from "@gpt/tokenizer";
import type { ChatMessage } from "@gpt/tokenizer/chat";
import { loadTokenizer } from "@gpt/tokenizer/node";
import { addBackendOptions, cacheDTypeOption, dtypeOption } from "../backend.ts";
import { CommandError } from "../errors.ts";
import { chatTemplateOf } from "../finetuning/chat-template.ts";
import { interruptible, interruptRunning } from "../interruption.ts";
import { runningNeed } from "../memory.ts";
import { addStreamOptions, openModel } from "../model.ts";
import type { ModelOptions } from "../model.ts";
import { path } from "../options.ts";
import { Output } from "../output.ts";
import { addSamplingOptions } from "../sampling-options.ts";
import type { SamplingOptions } from "../sampling-options.ts";
import { styled } from "../style.ts";
import { hasTokenizer } from "../tokenizers.ts";

interface Options extends ModelOptions, SamplingOptions {
  readonly system?: string;
  readonly template?: string;
  readonly cacheDtype: CacheDType;
  readonly json?: boolean;
}

export function chatCommand(): Command {
  const command = new Command("chat")
    .description("Talk to a model: a line is a message; Ctrl-C stops an answer, and at a prompt ends")
    .requiredOption("--model <dir>", "a model's folder, an adapter's, a training run's, a GGUF file, or OWNER/NAME on the Hugging Face hub", path)
    .option("--system <text>", "what the model is told first")
    .option("--template <file>", "a chat template in Jinja; default: the model's, else one of plain lines", path);
  return addBackendOptions(addStreamOptions(addSamplingOptions(command).addOption(dtypeOption()).addOption(cacheDTypeOption())))
    .option("--json", "print one JSON object for each answer: role, content, tokens, finishReason, …")
    .addHelpText("after", "\nExamples:\n  gpt chat --model runs/chats\n  echo 'Hi!' | gpt chat --model runs/chats --json")
    .action(chat);
}

const help = "/reset forgets what was said, /exit ends; Ctrl-C stops an answer.";

async function chat(options: Options): Promise<void> {
  const output = new Output(options);
  const { directory, model } = await openModel(options, ({ config, dtypes }, streams) => runningNeed(config, dtypes, 1, options.cacheDtype, streams), output);
  if (!(await hasTokenizer(directory))) throw new CommandError(`${directory} has no tokenizer`);
  const tokenizer = await loadTokenizer(directory);
  const template = await chatTemplateOf(tokenizer, options.template);
  const beginning: ChatMessage[] = options.system === undefined ? [] : [{ role: "system", content: options.system }];
  let messages = [...beginning];
  if (output.live) output.note(styled("dim", help));
  for await (const line of lines(output)) {
    const content = line.trim();
    if (content === "/exit") return;
    if (content === "/reset") {
      messages = [...beginning];
      continue;
    }
    if (content === "") continue;
    messages.push({ role: "user", content });
    const answer = await answerTo(messages, model, tokenizer, template, options, output);
    messages.push({ role: "assistant", content: answer });
  }
}

/** Lines of standard input; on a terminal behind a prompt. */
async function* lines(output: Output): AsyncGenerator<string, void, undefined> {
  const isTerminal = output.live && process.stdin.isTTY;
  const reader = createInterface({ input: process.stdin, output: isTerminal ? process.stderr : undefined, terminal: isTerminal });
  const prompt = (): void => {
    if (isTerminal) reader.prompt();
  };
  reader.setPrompt("> ");
  // A terminal that lines are edited on tells Ctrl-C here, and not as a signal.
  reader.on("SIGINT", () => {
    if (!interruptRunning()) reader.close();
  });
  prompt();
  for await (const line of reader) {
    yield line;
    prompt();
  }
}

/** Writes an answer, and returns it. Old messages are left out where the chat exceeds the context. */
async function answerTo(
  messages: ChatMessage[], model: GPT, tokenizer: Tokenizer, template: string | undefined, options: Options, output: Output,
): Promise<string> {
  const { maxTokens, temperature, topK, topP, minP, repetitionPenalty, seed, cacheDtype } = options;
  const settings = { maxTokens, temperature, topK, topP, minP, repetitionPenalty, seed, cacheDtype, template };
  for (;;) {
    let text = "";
    try {
      await interruptible(() => undefined, async (signal) => {
        for await (const event of streamChat(model, tokenizer, messages, { ...settings, signal })) {
          text += event.text;
          output.text(event.text);
          if (event.type !== "finish") continue;
          output.text("\n");
          const { finishReason, tokens, promptTokens, seed } = event;
          output.record({ role: "assistant", content: text, tokens, promptTokens, finishReason: signal.aborted ? "interrupted" : finishReason, seed });
        }
      });
      return text;
    } catch (error) {
      if (!(isGptError(error) && error.code === "prompt-too-long")) throw error;
      const first = messages.findIndex(({ role }) => role !== "system");
      if (first < 0 || first >= messages.length - 1) throw new CommandError(error.message.replace(/, or contextShift.*$/, ""), { cause: error });
      messages.splice(first, Math.min(2, messages.length - 1 - first));
      output.remark("the context is full: the oldest messages were left out");
    }
  }
}
