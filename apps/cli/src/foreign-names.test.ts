import { expect, test } from "vitest";
import { foreignOptions, ourOption } from "./foreign-names.ts";
import { program } from "./program.ts";

const optionsOf = new Map(
  program()
    .commands.flatMap((command) => [command, ...command.commands])
    .map((command) => [`${command.parent!.name()} ${command.name()}`, command.options.map(({ long }) => long!)]),
);

test("every name of another program leads to an option that a command has", () => {
  for (const [ours, names] of Object.entries(foreignOptions)) {
    const having = [...optionsOf.values()].filter((options) => options.includes(ours.split(/[ ,]/)[0]));
    expect(having, ours).not.toEqual([]);
    for (const name of names) {
      const hints = having.map((options) => ourOption(`--${name}`, options));
      expect(hints, name).toContain(ours);
    }
  }
});

test("a name is known however it is written, where the command has the option", () => {
  const train = optionsOf.get("gpt train")!;
  expect(["--n_layer", "--n-layer=4", "--nLayer", "--weight_decay", "--batchSize"].map((flag) => ourOption(flag, train))).toEqual([
    "--layers", "--layers", "--layers", "--weight-decay", "--batch",
  ]);
  expect(ourOption("--model_name_or_path", train)).toBe("--preset");
  expect(ourOption("--model_name_or_path", optionsOf.get("gpt generate")!)).toBe("--model");
  expect(ourOption("--n_layer", optionsOf.get("gpt generate")!)).toBeUndefined();
  expect(ourOption("--compile", train)).toBeUndefined();
});
