import type { frame as english } from "../en/frame.ts";

export const frame: typeof english = {
  title: "GPT 游乐场",
  skip: "跳到正文",
  screensLabel: "页面",
  screens: { tokens: "词元", inside: "内部", train: "训练", write: "写作", tune: "微调" },
  language: "语言",
  theme: "主题",
  themes: { system: "跟随系统", light: "浅色", dark: "深色" },
  save: "保存图片",
  saveAs: (kind) => `保存为 ${kind}`,
  close: "关闭",
  loseLearnt: "模型学到的内容尚未保存。确定放弃吗？",
  again: "重试",
};
