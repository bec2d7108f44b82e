import eslint from "@eslint/js";
import { defineConfig } from "eslint/config";
import { createNodeResolver, importX } from "eslint-plugin-import-x";
import tseslint from "typescript-eslint";
import { builtIn, restrictedNames, zones } from "./import-rule.ts";
import { noCycle } from "./no-cycle.ts";

const tests = ["**/*.test.ts"];
const nodeSources = ["src/node.ts", "src/node/**"];

/** Linting with types, for every part of the workspace. */
export function workspace(directory: string) {
  return defineConfig(
    { ignores: ["dist/", "**/generated/", "assembly/", "coverage/"] },
    { linterOptions: { reportUnusedDisableDirectives: "error" } },
    eslint.configs.recommended,
    tseslint.configs.recommendedTypeChecked,
    {
      languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: directory } },
      plugins: { "import-x": importX, own: { rules: { "no-cycle": noCycle } } },
      settings: {
        "import-x/parsers": { "@typescript-eslint/parser": [".ts"] },
        "import-x/resolver-next": [createNodeResolver({ conditionNames: ["@gpt/source", "import", "default"] })],
      },
      rules: {
        eqeqeq: "error",
        "object-shorthand": "error",
        "own/no-cycle": "error",
        "@typescript-eslint/consistent-type-imports": "error",
        "@typescript-eslint/no-deprecated": "error",
        "@typescript-eslint/no-unused-vars": ["error", { ignoreRestSiblings: true, varsIgnorePattern: "^_" }],
        // Walks over a tree start at `this`; what an interface makes asynchronous need not wait; objects of functions,
        // such as a backend, may be taken apart.
        "@typescript-eslint/no-this-alias": "off",
        "@typescript-eslint/require-await": "off",
        "@typescript-eslint/unbound-method": "off",
        "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true, allowBoolean: true }],
        "@typescript-eslint/switch-exhaustiveness-check": ["error", { considerDefaultExhaustiveForUnions: true }],
      },
    },
    {
      // Without types nobody knows which globals there are.
      files: ["**/*.js", "**/*.mjs", "**/*.cjs"],
      extends: [tseslint.configs.disableTypeChecked],
      languageOptions: { parserOptions: { projectService: false } },
      rules: { "no-undef": "off", "@typescript-eslint/no-require-imports": "off" },
    },
  );
}

/** As `workspace`, and the rules of a package that others install: the import rule, runs everywhere, says nothing. */
export function library(directory: string) {
  const { inTests, always, atRunTime } = restrictedNames(directory);
  const message = "See “Who may import whom” in ARCHITECTURE.md.";
  const dynamic = { selector: `ImportExpression[source.value=/${atRunTime.replaceAll("/", "\\/")}/]`, message };
  return defineConfig(
    workspace(directory),
    {
      files: ["src/**"],
      rules: {
        "no-console": "error",
        "import-x/no-relative-packages": "error",
        "import-x/no-extraneous-dependencies": [
          "error",
          { devDependencies: tests, packageDir: directory, whitelist: builtIn(directory) },
        ],
        "@typescript-eslint/no-restricted-imports": ["error", { patterns: [{ regex: inTests, message }] }],
      },
    },
    {
      files: ["src/**"],
      ignores: tests,
      rules: {
        "import-x/no-restricted-paths": ["error", { zones: zones(directory) }],
        "no-restricted-syntax": ["error", dynamic],
        "@typescript-eslint/no-restricted-imports": [
          "error",
          { patterns: [{ regex: always, message }, { regex: atRunTime, message, allowTypeImports: true }] },
        ],
      },
    },
    {
      files: ["src/**"],
      ignores: [...tests, ...nodeSources],
      rules: {
        "import-x/no-nodejs-modules": "error",
        "no-restricted-globals": ["error", "process", "Buffer", "require", "__dirname", "__filename"],
      },
    },
  );
}
