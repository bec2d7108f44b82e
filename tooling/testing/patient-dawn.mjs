/**
 * Makes the package `webgpu` ask once a millisecond whether Dawn is done. It asks by `setImmediate`, without a pause, which
 * takes a core all the while: half of a machine of two, on which SwiftShader compiles and computes.
 */
const { setImmediate } = globalThis;

globalThis.setImmediate = Object.assign(
  (callback, ...args) =>
    isNative(callback) ? setTimeout(callback, 1, ...args) : setImmediate(callback, ...args),
  setImmediate, // What promisify asks for.
);

/** Functions of the binding, in C++, say no more of themselves. */
function isNative(callback) {
  return Function.prototype.toString.call(callback).endsWith("{ [native code] }");
}
