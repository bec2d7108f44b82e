import { expect, it } from "vitest";
import { readDialogues } from "./dialogues.ts";

it("reads who says what, over several lines, in both languages, and where each dialogue begins", () => {
  const text = "user: Hi: you\nAssistant: Hello.\n  and more\n\n\n用户：你好\n助手: 你好！\r\n";
  expect([...readDialogues(text)]).toEqual([
    { line: 1, value: { messages: [{ role: "user", content: "Hi: you" }, { role: "assistant", content: "Hello.\n  and more" }] } },
    { line: 6, value: { messages: [{ role: "user", content: "你好" }, { role: "assistant", content: "你好！" }] } },
  ]);
  expect([...readDialogues(" \n\n")]).toEqual([]);
});

it("says the line where nobody speaks", () => {
  expect(() => [...readDialogues("user: a\nassistant: b\n\nwhat is this\n")]).toThrow('line 4: a dialogue begins with "user:"');
});
