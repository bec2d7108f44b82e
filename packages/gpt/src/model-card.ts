import { checkArgument, objectWith, optional, printable, readOptions, valueThat } from "@gpt/tensor";
import type { Expectations } from "@gpt/tensor";
import type { Architecture } from "./architectures/architecture.ts";
import { GPTError } from "./errors.ts";
import { architectureOf } from "./folder/save.ts";
import type { GPT } from "./model.ts";

/** What a model card says that a model does not know of itself. */
export interface ModelCardOptions {
  /** The title. Default: what kind of model it is. */
  readonly name?: string;
  /** What it was trained on or made from, as sentences in Markdown. */
  readonly origin?: string;
  /** The identifier of its license, as the Hugging Face hub has it: `mit`, `apache-2.0`. Default: none is named. */
  readonly license?: string;
  /** The model that it was made from, by its name on the hub: `OWNER/NAME`. */
  readonly baseModel?: string;
}

const text = optional(valueThat("a text", (value) => typeof value === "string"));
const matching = (expected: string, pattern: RegExp) => optional(valueThat(expected, (value) => typeof value === "string" && pattern.test(value)));

const optionsExpected: Expectations<ModelCardOptions> = {
  name: text,
  origin: text,
  license: matching('the identifier of a license, such as "mit"', /^[a-z\d][\w.+-]{0,95}$/i),
  baseModel: matching("a name on the Hugging Face hub, OWNER/NAME", /^[\w.-]{1,96}\/[\w.-]{1,96}$/),
};

/** Architectures that no other program reads. */
const ownType = "gpt-typescript";

/**
 * A model card: the text of a folder's `README.md`, with the front matter that the Hugging Face hub reads (huggingface.co/docs/hub/model-cards), for
 * the folder that `modelFiles` of these architectures makes. Give it to `saveModel` among its `extraFiles`, where no `README.md` is there that someone wrote.
 *
 * @example
 * await saveModel(model, "my-model", { extraFiles: { "README.md": modelCard(model, architectures, { name: "My model" }) } });
 */
export function modelCard(model: GPT, architectures: readonly Architecture[], options?: ModelCardOptions): string {
  const fail = (problem: string): GPTError => new GPTError("invalid-input", `modelCard: ${problem}`);
  checkArgument("model", model, objectWith("a GPT", "config", "namedWeights"), fail);
  const { name, origin, license, baseModel } = readOptions<ModelCardOptions>(options, optionsExpected, fail);
  const { modelType } = architectureOf(model, architectures).chosen;
  const isForeign = modelType !== ownType;
  const task = model.config.head.type === "classes" ? "text-classification" : "text-generation";
  const frontMatter = [
    ...(isForeign ? ["library_name: transformers"] : []),
    `pipeline_tag: ${task}`,
    "tags:",
    `- ${modelType}`,
    ...(license === undefined ? [] : [`license: ${license}`]),
    ...(baseModel === undefined ? [] : [`base_model: ${baseModel}`]),
  ];
  return `${[
    `---\n${frontMatter.join("\n")}\n---`,
    `# ${inline(name ?? `A ${modelType} model`)}`,
    description(model, modelType),
    ...(origin === undefined ? [] : [origin.trim()]),
    "## Use",
    `In Node and browsers, with [@gpt/gpt](https://www.npmjs.com/package/@gpt/gpt):\n\n${fenced("js", loadHere)}`,
    ...(isForeign ? [`In Python, with transformers:\n\n${fenced("python", loadThere(task))}`] : []),
  ].join("\n\n")}\n`;
}

function description(model: GPT, modelType: string): string {
  const { blocks, dim, contextLength, vocabSize } = model.config;
  const [{ attention: { heads }, mlp }] = blocks;
  const experts = mlp.type === "experts" ? `, ${mlp.count} experts of which a token takes ${mlp.active}` : "";
  const rows = [
    ["architecture", `\`${modelType}\`: ${count(blocks.length)} layers of width ${count(dim)}, ${count(heads)} heads${experts}`],
    ["parameters", count(model.parameterCount())],
    ["context", `${count(contextLength)} tokens`],
    ["vocabulary", `${count(vocabSize)} tokens`],
  ];
  return ["| | |", "| --- | --- |", ...rows.map(([what, value]) => `| ${what} | ${value} |`)].join("\n");
}

// A program of the reader's, and no import of this package.
const loadHere = `${["@gpt/gpt/node", "@gpt/tokenizer/node"].map((from, i) => `import { ${["loadModel", "loadTokenizer"][i]} } from "${from}";`).join("\n")}

const model = await loadModel("path/to/this/folder");
const tokenizer = await loadTokenizer("path/to/this/folder");`;

function loadThere(task: string): string {
  const kind = task === "text-classification" ? "AutoModelForSequenceClassification" : "AutoModelForCausalLM";
  return `from transformers import ${kind}, AutoTokenizer

model = ${kind}.from_pretrained("path/to/this/folder")
tokenizer = AutoTokenizer.from_pretrained("path/to/this/folder")`;
}

function fenced(language: string, code: string): string {
  return `\`\`\`${language}\n${code}\n\`\`\``;
}

function count(value: number): string {
  return value.toLocaleString("en-US");
}

/** A text as part of one line. */
function inline(text: string): string {
  return printable(text.replace(/\s+/g, " ").trim());
}
