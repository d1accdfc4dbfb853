import { expect, test } from "@playwright/test";

test("a card can be moved with the keyboard alone", async ({ page }) => {
  await page.goto("/");
  const select = page.getByLabel("Move to").first();
  await select.focus();
  await page.keyboard.press("ArrowDown");
  const first: any = await page.evaluate(() => document.querySelector("select")?.value);
  expect(first).toBe("doing");
});
