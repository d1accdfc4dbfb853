package dev.pfennig.store;

import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.pfennig.model.Account;
import dev.pfennig.model.AccountType;
import dev.pfennig.model.Entry;
import dev.pfennig.model.Posting;
import java.math.BigDecimal;
import java.time.LocalDate;
import java.util.List;
import org.junit.jupiter.api.Test;

class JournalTest {

    @Test
    void anUnopenedAccountCannotBeUsed() {
        Account bank = new Account("asset:bank", AccountType.ASSET, "Bank");
        Account food = new Account("expense:food", AccountType.EXPENSE, "Food");
        Entry entry = new Entry(LocalDate.of(2024, 3, 5), "Groceries", List.of(
                new Posting(food, new BigDecimal("31.20"), "EUR"),
                new Posting(bank, new BigDecimal("-31.20"), "EUR")));
        assertThrows(LedgerException.class, () -> new Journal().book(entry));
    }
}
