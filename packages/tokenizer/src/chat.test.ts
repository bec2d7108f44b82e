import { Template } from "@huggingface/jinja";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { testCount } from "../test/counts.ts";
import { addedTokens, smallJson } from "../test/tokenizer-cases.ts";
import { applyChatTemplate } from "./chat.ts";
import type { ChatMessage, ChatTemplateOptions } from "./chat.ts";
import { strftime } from "./chat/strftime.ts";
import { TokenizerError } from "./errors.ts";
import { tokenizerFiles, tokenizerFromFiles } from "./files/folder.ts";
import type { Tokenizer } from "./tokenizer.ts";

/** In the manner of ChatML, with what templates of models do: namespaces, macros, filters, slices, conditions. */
const chatml = `{%- macro turn(role, content) -%}
{{- '<s>' + role + '\\n' + (content | trim) + '</s>\\n' -}}
{%- endmacro -%}
{%- set ns = namespace(system=false, count=0) -%}
{%- if messages[0].role == 'system' -%}{%- set ns.system = messages[0]['content'] -%}{%- set rest = messages[1:] -%}
{%- else -%}{%- set rest = messages -%}{%- endif -%}
{{- bos_token -}}
{%- if tools %}{{ '# Tools\\n' }}{% for tool in tools %}{{ tool | tojson }}{{ "\\n" if not loop.last }}{% endfor %}
{{ tools | tojson(indent=2) }}{% endif -%}
{%- if ns.system %}{{ turn('system', ns.system) }}{% endif -%}
{%- for message in rest if message.content is string -%}
    {%- set ns.count = ns.count + 1 -%}
    {%- if (message.role == 'user') != (loop.index0 % 2 == 0) -%}{{ raise_exception('Roles must alternate: ' ~ message.role) }}{%- endif -%}
    {%- if '</think>' in message.content -%}
        {{- turn(message.role, message.content.split('</think>')[-1].lstrip('\\n')) -}}
    {%- else -%}{{- turn(message.role, message.content.replace('a', 'A', 1)) -}}{%- endif -%}
{%- endfor -%}
{%- if enable_thinking is defined and enable_thinking is false %}{{ 'no thoughts, ' ~ ns.count }}{% endif -%}
{%- if add_generation_prompt %}{{ '<s>assistant\\n' }}{% endif -%}`;

const messages: ChatMessage[] = [
  { role: "system", content: " Be brief. " },
  { role: "user", content: "What is a cat?\n" },
  { role: "assistant", content: "<think>hm</think>\n\nAn animal." },
  { role: "user", content: "the  hello" },
];
const tools = [{ type: "function", function: { name: "look", description: 'Looks "up" é', parameters: { type: "object", properties: {} } } }];

const flags = { lstrip: false, rstrip: false, single_word: false, normalized: false, special: true };
function folder(template: unknown, others: Readonly<Record<string, string>> = {}): Tokenizer {
  const json = smallJson({ added_tokens: addedTokens({ content: "<s>", ...flags }, { content: "</s>", ...flags }) });
  const config = { bos_token: "<s>", eos_token: "</s>", add_bos_token: true, chat_template: template };
  const files = { "tokenizer.json": JSON.stringify(json), "tokenizer_config.json": JSON.stringify(config), ...others };
  return tokenizerFromFiles(new Map(Object.entries(files)));
}

function render(template: string, options: Partial<ChatTemplateOptions> = {}, chat: readonly ChatMessage[] = messages): string {
  return applyChatTemplate(chat, { tokenizer: folder(undefined), template, ...options }).text;
}

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (!(error instanceof TokenizerError)) throw error;
    expect(error.message.length).toBeLessThan(2000);
    expect(error.message).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u);
    return error.code;
  }
  return "made";
}

describe("applyChatTemplate", () => {
  let tokenizer: Tokenizer;
  beforeAll(() => {
    tokenizer = folder(chatml);
  });

  it("makes text and ids, and says where a first token would come twice", () => {
    const { text, ids, warnings } = applyChatTemplate(messages, { tokenizer, addGenerationPrompt: true });
    expect(text).toBe(
      "<s><s>system\nBe brief.</s>\n<s>user\nWhAt is a cat?</s>\n<s>assistant\nAn animal.</s>\n<s>user\nthe  hello</s>\n<s>assistant\n",
    );
    expect(ids).toEqual(tokenizer.encode(text, { allowedSpecial: "all" }));
    expect(ids.slice(0, 2)).toEqual([tokenizer.roles.bos, tokenizer.roles.bos]);
    expect(tokenizer.encode(text, { allowedSpecial: "all", addSpecialTokens: true }).length).toBe(ids.length + 1);
    expect(warnings).toEqual([expect.stringMatching(/^the template begins with "<s>", which the tokenizer adds too/)]);
    expect(applyChatTemplate(messages, { tokenizer, template: "{{ messages[1].content }}" }).warnings).toEqual([]);
  });

  it("gives a template its tools, documents and variables", () => {
    const made = applyChatTemplate(messages, { tokenizer, tools, variables: { enable_thinking: false } }).text;
    expect(made).toContain('# Tools\n{"type": "function", "function": {"name": "look", "description": "Looks \\"up\\" é"');
    expect(made).toContain('[\n  {\n    "type": "function",');
    expect(made).toContain("no thoughts, 3");
    expect(render("{{ documents[0].title }}{{ tools is none }}", { documents: [{ title: "T" }] })).toBe("Ttrue");
    expect(render("{{ bos_token }}{{ eos_token }}{{ unk_token }}")).toBe("<s></s>");
    expect(render("{{ strftime_now('%d %b %Y %H:%M') }}", { now: new Date(2026, 10, 3, 4, 5) })).toBe("03 Nov 2026 04:05");
  });

  it("makes what the library makes", () => {
    for (const template of [chatml, "{% for m in messages[::-1] %}{{ loop.index }}{{ m.role|upper }} {% endfor %}", "{{ messages|map(attribute='role')|join(', ') }}"]) {
      for (const withTools of [undefined, tools]) {
        for (const addGenerationPrompt of [true, false]) {
          const theirs = new Template(template).render({
            messages, tools: withTools ?? null, documents: null, add_generation_prompt: addGenerationPrompt, bos_token: "<s>", eos_token: "</s>",
          });
          expect(render(template, { tools: withTools, addGenerationPrompt })).toBe(theirs);
        }
      }
    }
  });

  it("passes on the words of a template that refuses a chat", () => {
    const wrong = [{ role: "assistant", content: "Hi" }];
    expect(() => applyChatTemplate(wrong, { tokenizer })).toThrow("the chat template refuses the chat: Roles must alternate: assistant");
    expect(codeOf(() => applyChatTemplate(wrong, { tokenizer }))).toBe("template-raised");
  });

  it("takes one of several templates by its name, tool_use for tools, and a file before the configuration", () => {
    const list = [
      { name: "default", template: "plain" },
      { name: "tool_use", template: "tools" },
      { name: "rag", template: "quotes" },
    ];
    const several = folder(list);
    const text = (options: Partial<ChatTemplateOptions>) => applyChatTemplate(messages, { tokenizer: several, ...options }).text;
    expect([text({}), text({ tools }), text({ template: "rag" }), text({ template: "else" })]).toEqual(["plain", "tools", "quotes", "else"]);
    const files = folder("config", { "chat_template.jinja": "file", "additional_chat_templates/tool_use.jinja": "more" });
    expect([...files.chatTemplates!]).toEqual([["default", "file"], ["tool_use", "more"]]);
    expect([...tokenizerFromFiles(tokenizerFiles(several)).chatTemplates!]).toEqual([...several.chatTemplates!]);
    expect([...tokenizerFromFiles(tokenizerFiles(tokenizer)).chatTemplates!]).toEqual([["default", chatml]]);
    expect(() => applyChatTemplate(messages, { tokenizer: folder([list[2]]) })).toThrow('no template of chats by default; name one of "rag"');
    expect(codeOf(() => applyChatTemplate(messages, { tokenizer: folder(undefined) }))).toBe("no-chat-template");
  });

  it.each<[options: Record<string, unknown>, message: string]>([
    [{ messages: "hi" }, "messages is"],
    [{ messages: [{ role: "user", content: () => 1 }] }, "messages[0].content is a function"],
    [{ messages: [{ role: "user", content: NaN }] }, "messages[0].content is NaN"],
    [{ tokenizer: {} }, "tokenizer is"],
    [{ tools: "x" }, "tools is"],
    [{ addGenerationPrompt: 1 }, "addGenerationPrompt is 1"],
    [{ variables: { messages: [] } }, 'variables is "messages"'],
    [{ now: new Date(NaN) }, "now is"],
    [{ maxSteps: 0 }, "maxSteps is 0"],
    [{ maxCharacters: 1.5 }, "maxCharacters is 1.5"],
    [{ template: 5 }, "template is 5"],
  ])("checks its arguments: %j", (options, message) => {
    const { messages: chat = messages, ...others } = options;
    const call = (): unknown => applyChatTemplate(chat as ChatMessage[], { tokenizer, ...others });
    expect(call).toThrow(message);
    expect(codeOf(call)).toBe("invalid-option");
  });

  it("refuses messages that hold themselves", () => {
    const content: unknown[] = [];
    const message = { role: "user", content };
    content.push(message);
    expect(codeOf(() => applyChatTemplate([message], { tokenizer }))).toBe("invalid-option");
  });
});

describe("hostile templates end soon, with an error that says so", () => {
  const long = "{% set s = range(90000)|join('x') %}";
  it.each([
    ["nested loops", "{% for a in range(100000) %}{% for b in range(100000) %}{% for c in range(100000) %}{% endfor %}{% endfor %}{% endfor %}"],
    ["doublings", "{% set n = namespace(x='ab') %}{% for i in range(40) %}{% set n.x = n.x + n.x %}{% endfor %}{{ n.x }}"],
    ["doublings by ~", "{% set n = namespace(x='ab') %}{% for i in range(40) %}{% set n.x = n.x ~ n.x %}{% endfor %}"],
    ["lists of themselves, written out", "{% set n = namespace(x=[1, 1]) %}{% for i in range(40) %}{% set n.x = [n.x, n.x] %}{% endfor %}{{ n.x }}"],
    ["lists of themselves, as JSON", "{% set n = namespace(x=[1, 1]) %}{% for i in range(40) %}{% set n.x = [n.x, n.x] %}{% endfor %}{{ n.x|tojson }}"],
    ["a namespace that holds itself", "{% set n = namespace() %}{% set n.a = [n, n] %}{{ n.a|tojson }}"],
    ["a large range", "{{ range(1000000000)|length }}"],
    ["many ranges", "{% for i in range(100000) %}{% set x = range(100000) %}{% endfor %}"],
    ["a wide indent", "{{ 'a\\nb'|indent(1000000000) }}"],
    ["a wide indent by name", "{{ 'a\\nb'|indent(width=900000000, first=true) }}"],
    ["a wide indent of JSON", "{{ [[[[1]]]]|tojson(indent=500000000) }}"],
    ["long separators", `${long}{{ range(90000)|join(s) }}`],
    ["replacing nothing", `${long}{{ s.replace('', s) }}`],
    ["replacing by a function that is kept", `${long}{% set f = s.replace %}{{ f('', s) }}`],
    ["replacing by a filter", `${long}{{ s|replace('1', s) }}`],
    ["a filter over a block", `${long}{% filter replace('1', s) %}{{ s }}{% endfilter %}`],
    ["searching", `${long}{% for i in range(10000) %}{% if 'y' + s in s %}{% endif %}{% endfor %}`],
    ["a macro without end", "{% macro m(x) %}{{ m(x) }}{% endmacro %}{{ m(1) }}"],
    ["a macro that calls itself twice", "{% macro m(x) %}{% if x > 0 %}{{ m(x-1) }}{{ m(x-1) }}{% endif %}{% endmacro %}{{ m(60) }}"],
    ["a macro that is made again and again", `{% for a in range(99999) %}{% macro m() %}${"{{ 1 }}".repeat(1000)}{% endmacro %}{% endfor %}`],
    ["breaks", "{% for a in range(99999) %}{% for b in range(2) %}{% break %}{% endfor %}{% endfor %}"],
    ["names that there are not", "{% for a in range(99999) %}{% for b in range(99) %}{{ z }}{% endfor %}{% endfor %}"],
    ["much text", `${long}{% for i in range(100000) %}{{ s }}{% endfor %}`],
    ["much text that is kept", `${long}{% for i in range(100000) %}{% set y %}{{ s }}{% endset %}{% endfor %}`],
    ["slices", `${long}{% for i in range(100000) %}{% set y = s[::-1] %}{% endfor %}`],
    ["splitting", "{% set s = range(90000)|join(' ') %}{{ (s + ' ' + s).split() }}"],
    ["sorting", "{% set x = range(99999)|reverse %}{% for i in range(1000) %}{% set y = x|sort %}{% endfor %}"],
    ["lists that are joined", "{% set n = namespace(x=range(99999)) %}{% set n.x = n.x + n.x %}"],
    ["dates", "{% for i in range(100000) %}{{ strftime_now('%d %B %Y') }}{% endfor %}"],
  ])("%s", { timeout: 60_000 }, (_, template) => {
    expect(codeOf(() => render(template))).toBe("template-limit");
  });

  it.each([
    ["parentheses", `{{ ${"(".repeat(20_000)}1${")".repeat(20_000)} }}`],
    ["negations", `{{ ${"not ".repeat(60_000)}1 }}`],
    ["white space", `{{ 1 }}${" ".repeat(200_000)}{{ 1 }}`],
    ["a template of a megabyte", "x".repeat(1_000_000)],
    ["powers", "{{ 9 ** 999999 }}"],
    ["what is no template", "{% if %}"],
    ["what there is not", "{{ messages.pop() }}"],
    ["reaching out", "{{ range.constructor('return process')() }}"],
    ["unknown filters", "{{ messages|attr('x') }}"],
  ])("%s", { timeout: 60_000 }, (_, template) => {
    expect(codeOf(() => render(template))).toBe("invalid-template");
  });

  it("limits can be set", () => {
    expect(codeOf(() => render(chatml, { maxSteps: 50 }))).toBe("template-limit");
    expect(codeOf(() => render("{{ 'a' * 1 }}{{ messages[1].content }}", { maxCharacters: 5 }))).toBe("invalid-template");
    expect(codeOf(() => render("{{ messages[1].content }}", { maxCharacters: 5 }))).toBe("template-limit");
    expect(render("{{ messages[1].content }}", { maxCharacters: 15 })).toBe("What is a cat?\n");
  });

  it("long chats do not come near the limits", () => {
    const chat = Array.from({ length: 2000 }, (_, index) => ({ role: index % 2 ? "assistant" : "user", content: "a word ".repeat(70) }));
    expect(render(chatml, {}, chat).length).toBeGreaterThan(900_000);
    // As Qwen3's template does: what takes no time at each message is no step for each character of the chat.
    const last = "{% for m in messages %}{% if loop.index0 == messages|length - 1 %}{{ (messages|last).role }}{% endif %}{% endfor %}";
    expect(render(last, {}, chat)).toBe("assistant");
  });
});

describe("mutated templates make text or errors of their own", () => {
  const pieces = [
    "{% for m in messages %}", "{% endfor %}", "{{ m.content }}", "{% if tools %}", "{% else %}", "{% endif %}", "{% set x = [1, 2] %}", "{{ x|tojson }}",
    "{{ x + x }}", "{% set ns = namespace(a=1) %}", "{% set ns.a = ns %}", "{{ ns }}", "{% macro f(a) %}", "{% endmacro %}", "{{ f(f) }}", "{{ range(9)|list }}",
    "{{ 'a'.replace('', 'b') }}", "|join(',')", "|length", "|indent(4)", "|sort", "|reverse", "|string", "|default('x')", "[::-1]", ".split('a')", "{{ raise_exception(x) }}",
    "{% call f(1) %}", "{% endcall %}", "{% filter upper %}", "{% endfilter %}", "{%- break -%}", "{#- c -#}", "{{", "}}", "{%", "%}", "-", "\n", "*x", "**x", "\u202e", "\\ud800", "\0",
    "true", "not", " in ", " is ", "1e9", "9999999999", "(", ")", "[", "]", "{", "}", "'", '"',
  ];
  const edits = fc.array(
    fc.record({
      at: fc.double({ min: 0, max: 1, noNaN: true }),
      length: fc.oneof(fc.constant(0), fc.nat(12), fc.nat(400)),
      insert: fc.oneof(fc.constantFrom(...pieces), fc.array(fc.constantFrom(...pieces), { maxLength: 6 }).map((all) => all.join(""))),
    }),
    { minLength: 1, maxLength: 5 },
  );

  it("each", { timeout: 1_800_000 }, () => {
    const outcomes: Record<string, number> = {};
    const tokenizer = folder(undefined);
    const started = fc.constantFrom(chatml, "", "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}");
    fc.assert(
      fc.property(started, edits, (start, changes) => {
        let template = start;
        for (const { at, length, insert } of changes) {
          const from = Math.floor(at * template.length);
          template = template.slice(0, from) + insert + template.slice(from + length);
        }
        const code = codeOf(() => applyChatTemplate(messages, { tokenizer, template, tools, maxSteps: 20_000, maxCharacters: 100_000 }));
        outcomes[code] = (outcomes[code] ?? 0) + 1;
        expect(["made", "invalid-template", "template-limit", "template-raised"]).toContain(code);
      }),
      { numRuns: testCount(100_000, 500), seed: 15 },
    );
    expect(outcomes.made).toBeGreaterThan(20);
    expect(outcomes["invalid-template"]).toBeGreaterThan(20);
  });
});

it("dates are written as Python writes them", () => {
  const date = new Date(2024, 1, 29, 0, 7, 9);
  expect(strftime(date, "%Y-%m-%d %H:%M:%S %I%p %a %A %b %B %j %y %e%% %Q %")).toBe("2024-02-29 00:07:09 12AM Thu Thursday Feb February 060 24 29% %Q %");
});
