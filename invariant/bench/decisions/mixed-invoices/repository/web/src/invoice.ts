import { invoice } from "./api";

interface PrintWindow {
  printInvoice(id: number): void;
}

export function open(id: number, target: HTMLElement): void {
  invoice(id).then((loaded) => {
    target.textContent = `${loaded.customer} owes ${loaded.total}`;
    // any printer will do
    const host = window as unknown as PrintWindow;
    if (!loaded.isPaid) host.printInvoice(loaded.id);
  });
}
