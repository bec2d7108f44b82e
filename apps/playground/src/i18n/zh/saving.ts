import type { Words } from "../en.ts";

export const saving: Words["saving"] = {
  making: "正在生成文件…",
  given: (name) => `${name} 已交给浏览器保存。`,
};
