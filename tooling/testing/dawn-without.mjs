/** Makes the package `webgpu` start Dawn without the feature that the query of this module's address names, as in `?feature`. */
const [, feature] = import.meta.url.split("?");
const { dlopen } = process;

process.dlopen = (module, path, ...flags) => {
  dlopen(module, path, ...flags);
  if (!path.endsWith("dawn.node")) return;
  const { create } = module.exports;
  module.exports.create = (options) => create(without(options));
};

/** Of two options for the same thing Dawn takes the last one. */
function without(options) {
  const start = "disable-dawn-features=";
  const others = options.filter((option) => option.startsWith(start)).map((option) => option.slice(start.length));
  return [...options, start + [...others, feature].join()];
}
