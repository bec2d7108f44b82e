import { workspace } from "@gpt/config/eslint";

const safe = [{ from: "package", name: "test", package: "node:test" }];

export default [
  ...workspace(import.meta.dirname),
  {
    files: ["**/*.ts"],
    rules: { "@typescript-eslint/no-floating-promises": ["error", { allowForKnownSafeCalls: safe }] },
  },
];
