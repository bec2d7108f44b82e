import { useBackend } from "@gpt/tensor";
import { meta } from "@gpt/tensor/meta";
import { expect, test } from "vitest";
import { architectures } from "./architectures/index.ts";
import { GPT } from "./model.ts";
import { modelCard } from "./model-card.ts";
import { preset } from "./presets.ts";

const planned = (...args: ConstructorParameters<typeof GPT>): GPT => useBackend(meta(), () => new GPT(...args));

test("a card says what a model is, where it comes from, and how to load it here and in transformers", () => {
  const origin = "It was made from [gpt2](https://huggingface.co/openai-community/gpt2).";
  const card = modelCard(planned(preset("gpt2")), architectures, { name: "My\nmodel", license: "mit", baseModel: "openai-community/gpt2", origin });
  expect(card.split("\n\n").slice(0, 4)).toEqual([
    "---\nlibrary_name: transformers\npipeline_tag: text-generation\ntags:\n- gpt2\nlicense: mit\nbase_model: openai-community/gpt2\n---",
    "# My model",
    "| | |\n| --- | --- |\n| architecture | `gpt2`: 12 layers of width 768, 12 heads |\n| parameters | 124,439,808 |\n| context | 1,024 tokens |\n| vocabulary | 50,257 tokens |",
    origin,
  ]);
  expect(card).toContain('AutoModelForCausalLM.from_pretrained("path/to/this/folder")');
});

test("says nothing of what it does not know, and nothing of transformers where that cannot read the model", () => {
  const card = modelCard(planned({ ...preset("gpt2"), positions: "sinusoidal" }), architectures);
  expect(card).toMatch(/^---\npipeline_tag: text-generation\ntags:\n- gpt-typescript\n---\n\n# A gpt-typescript model\n/);
  expect(card).not.toMatch(/transformers|license|base_model/);
});

test.each([[{ license: "mit\nx: y" }, "license"], [{ baseModel: "runs/a/b" }, "baseModel"], [{ name: 3 }, "name"]])("refuses %j", (options, field) => {
  expect(() => modelCard(planned(preset("gpt2")), architectures, options as never)).toThrow(`modelCard: ${field} must be `);
});
