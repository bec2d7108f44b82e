import { EngineError } from "../failure.ts";

interface Message {
  readonly role: string;
  content: string;
}

const roles: Readonly<Record<string, string>> = {
  user: "user", assistant: "assistant", system: "system", 用户: "user", 助手: "assistant", 系统: "system",
};

/**
 * Dialogues as people write them: `user: …` and `assistant: …` at the beginning of lines, a blank line between dialogues. A line
 * that names nobody goes on with the message before.
 */
export function* readDialogues(text: string): Generator<{ readonly value: { readonly messages: readonly Message[] }; readonly line: number }> {
  let messages: Message[] = [];
  let begin = 1;
  for (const [i, line] of [...text.split(/\r?\n/), ""].entries()) {
    if (line.trim() === "") {
      if (messages.length > 0) yield { value: { messages }, line: begin };
      messages = [];
      continue;
    }
    const [, name = "", content = ""] = /^\s*([^\s:：]+)\s*[:：]\s*(.*)$/.exec(line) ?? [];
    const role = Object.hasOwn(roles, name.toLowerCase()) ? roles[name.toLowerCase()] : undefined;
    if (messages.length === 0) begin = i + 1;
    if (role !== undefined) messages.push({ role, content });
    else if (messages.length > 0) messages.at(-1)!.content += `\n${line}`;
    else throw new EngineError({ code: "no-speaker", message: `line ${i + 1}: a dialogue begins with "user:" or "assistant:"` });
  }
}
