/** What programs without types pass by mistake where a function wants something else. */
export const mistakes: readonly unknown[] = [
  undefined, null, "", "abc", 0, 3, -1, 0.5, NaN, 1e300, true, 10n, [], [1, 2], [[1], [2, 3]], ["a"], [undefined], {},
  { shape: 3 }, { axis: "x" }, { dtype: "f16" }, { reduction: "most" }, { hooks: { embed: 1 } }, { cache: {} }, { seed: -1 },
  { seed: [1, 2], stream: [0, 0] }, { vocabSize: 10 }, { steps: "many" }, new Date(0), new Map(), new Float32Array(3),
  new Float64Array(2),
];
