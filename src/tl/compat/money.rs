//! Stars, gifts, and what months are in days.

use crate::{enums, types};

/// Subscriptions were given in months. Thirty days are what the official server makes of one.
pub(crate) fn days_of_months(months: &i32) -> i32 {
    months.saturating_mul(30)
}

pub(crate) fn months_of_days(days: &i32) -> i32 {
    days / 30
}

/// Stars were whole.
pub(crate) fn stars_amount(stars: &i64) -> enums::StarsAmount {
    types::StarsAmount { amount: *stars, nanos: 0 }.into()
}

/// The whole stars of an amount; none for amounts in another currency.
pub(crate) fn whole_stars(amount: &enums::StarsAmount) -> i64 {
    match amount {
        enums::StarsAmount::StarsAmount(stars) => stars.amount,
        enums::StarsAmount::StarsTonAmount(_) => 0,
    }
}

pub(crate) fn some_stars_amount(stars: &Option<i64>) -> Option<enums::StarsAmount> {
    stars.as_ref().map(stars_amount)
}

pub(crate) fn some_whole_stars(amount: &Option<enums::StarsAmount>) -> Option<i64> {
    amount.as_ref().map(whole_stars)
}

pub(crate) fn some_stars_list(stars: &Option<i64>) -> Option<Vec<enums::StarsAmount>> {
    stars.as_ref().map(|stars| vec![stars_amount(stars)])
}

pub(crate) fn some_whole_stars_list(amounts: &Option<Vec<enums::StarsAmount>>) -> Option<i64> {
    amounts.as_ref().and_then(|amounts| amounts.first()).map(whole_stars)
}

/// A gift that one owns was named by the message that brought it.
pub(crate) fn saved_gift(msg_id: &i32) -> enums::InputSavedStarGift {
    types::InputSavedStarGiftUser { msg_id: *msg_id }.into()
}

pub(crate) fn saved_gift_msg_id(gift: &enums::InputSavedStarGift) -> i32 {
    match gift {
        enums::InputSavedStarGift::InputSavedStarGiftUser(gift) => gift.msg_id,
        _ => 0,
    }
}

pub(crate) fn gift_rarity(permille: &i32) -> enums::StarGiftAttributeRarity {
    types::StarGiftAttributeRarity { permille: *permille }.into()
}

/// Named rarities have no number: the rarest.
pub(crate) fn gift_rarity_permille(rarity: &enums::StarGiftAttributeRarity) -> i32 {
    match rarity {
        enums::StarGiftAttributeRarity::StarGiftAttributeRarity(rarity) => rarity.permille,
        _ => 1,
    }
}

/// Paying for a reaction was anonymous or not, before it could be done as a channel.
pub(crate) fn paid_privacy(private: &bool) -> enums::PaidReactionPrivacy {
    if *private {
        enums::PaidReactionPrivacy::PaidReactionPrivacyAnonymous
    } else {
        enums::PaidReactionPrivacy::PaidReactionPrivacyDefault
    }
}

pub(crate) fn is_private(privacy: &enums::PaidReactionPrivacy) -> bool {
    matches!(privacy, enums::PaidReactionPrivacy::PaidReactionPrivacyAnonymous)
}

pub(crate) fn some_paid_privacy(private: &Option<bool>) -> Option<enums::PaidReactionPrivacy> {
    private.as_ref().map(paid_privacy)
}

pub(crate) fn some_is_private(privacy: &Option<enums::PaidReactionPrivacy>) -> Option<bool> {
    privacy.as_ref().map(is_private)
}

pub(crate) fn paid_privacy_bit(private: &bool) -> Option<enums::PaidReactionPrivacy> {
    private.then_some(enums::PaidReactionPrivacy::PaidReactionPrivacyAnonymous)
}

pub(crate) fn is_private_bit(privacy: &Option<enums::PaidReactionPrivacy>) -> bool {
    privacy.as_ref().is_some_and(is_private)
}

/// What stars were bought for was an option of the shop.
pub(crate) fn topup_purpose(option: &types::StarsTopupOption) -> enums::InputStorePaymentPurpose {
    types::InputStorePaymentStarsTopup {
        stars: option.stars,
        currency: option.currency.clone(),
        amount: option.amount,
        spend_purpose_peer: None,
    }
    .into()
}

pub(crate) fn topup_option(purpose: &enums::InputStorePaymentPurpose) -> types::StarsTopupOption {
    match purpose {
        enums::InputStorePaymentPurpose::InputStorePaymentStarsTopup(topup) => types::StarsTopupOption {
            stars: topup.stars,
            currency: topup.currency.clone(),
            amount: topup.amount,
            ..Default::default()
        },
        _ => types::StarsTopupOption::default(),
    }
}

/// Three balances stood side by side before they became one object.
pub(crate) fn revenue_balances(
    current_balance: &i64,
    available_balance: &i64,
    overall_revenue: &i64,
) -> types::BroadcastRevenueBalances {
    types::BroadcastRevenueBalances {
        withdrawal_enabled: false,
        current_balance: *current_balance,
        available_balance: *available_balance,
        overall_revenue: *overall_revenue,
    }
}

pub(crate) fn current_balance(balances: &types::BroadcastRevenueBalances) -> i64 {
    balances.current_balance
}

pub(crate) fn available_balance(balances: &types::BroadcastRevenueBalances) -> i64 {
    balances.available_balance
}

pub(crate) fn overall_revenue(balances: &types::BroadcastRevenueBalances) -> i64 {
    balances.overall_revenue
}

/// A graph that older servers did not draw.
pub(crate) fn no_graph() -> enums::StatsGraph {
    types::StatsGraphError { error: String::new() }.into()
}

/// The terms of a recurring payment shared a bit with its being one.
pub(crate) fn recurring_terms(recurring: &bool, terms_url: &Option<String>) -> Option<String> {
    recurring.then(|| terms_url.clone().unwrap_or_default())
}

pub(crate) fn some_number(number: &i64) -> Option<i64> {
    Some(*number)
}

pub(crate) fn number_or_zero(number: &Option<i64>) -> i64 {
    number.unwrap_or(0)
}
