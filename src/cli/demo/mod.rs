//! `demo`: three replicas on disk part, work, and reunite. It tells what happens as it happens; every
//! table it prints is read from a replica, and it fails if the replicas do not agree.

mod stage;
mod world;

use std::path::PathBuf;

use anyhow::{Context, ensure};

use self::stage::Stage;
use self::world::{REPLICAS, World};
use super::output::{Output, count};
use crate::db::{ResolveWith, Transaction};
use crate::derive::Kind;
use crate::row;

/// Watch three replicas part and reunite
///
/// Makes three replicas in a temporary directory, fills them with the address book and the orders of a
/// shop, lets each work for itself, syncs them, and shows what became of every change.
#[derive(Debug, clap::Args)]
pub(super) struct Demo {
    /// Keep the three replicas in this new directory, to look into them afterwards
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
}

impl Demo {
    pub(super) fn run(&self, output: &mut Output<'_>) -> anyhow::Result<()> {
        let temporary = tempfile::Builder::new().prefix("reunite-demo-").tempdir()?;
        let directory = self.keep.as_deref().unwrap_or(temporary.path());
        std::fs::create_dir_all(directory).with_context(|| directory.display().to_string())?;
        let world = World::create(directory)?;
        let mut stage = Stage::new(output, &world);
        fill(&world, &mut stage)?;
        part(&world, &mut stage)?;
        reunite(&world, &mut stage)?;
        show_rows(&mut stage)?;
        show_conflicts(&world, &mut stage)?;
        settle(&world, &mut stage)?;
        let last = match &self.keep {
            Some(directory) => {
                let van = directory.join("van").display().to_string();
                format!("\nThe replicas are kept. Look on with:  reunite conflicts {van}")
            }
            None => {
                "\nThe replicas are gone now. `reunite demo --keep DIR` keeps them to look into.".to_string()
            }
        };
        stage.say(&last)?;
        world.close()
    }
}

fn fill(world: &World, stage: &mut Stage<'_, '_>) -> anyhow::Result<()> {
    stage.act("Three replicas of one database")?;
    stage.say("The office has the address book and the orders of a shop for bookbinders.")?;
    let loaded: Vec<String> = world.load()?.iter().map(|(table, rows)| format!("{rows} {table}")).collect();
    stage.did("office", &format!("loads rows: {}", loaded.join(", ")))?;
    stage.say("The shop takes a copy from the office, and the van takes one from the shop.")?;
    stage.sync("office", "shop")?;
    stage.sync("shop", "van")?;
    stage.say("Each of the three now has everything on its own disk. There is no server.")
}

/// What each replica does while it is offline, and the transaction that does it.
fn part(world: &World, stage: &mut Stage<'_, '_>) -> anyhow::Result<()> {
    stage.act("Offline, all three work on")?;
    let mut did =
        |replica: &'static str,
         what: &'static str,
         work: &dyn Fn(&mut Transaction) -> Result<(), crate::commit::WriteError>| {
            world.write(replica, |tx| work(tx))?;
            stage.did(replica, what)
        };
    did("office", "writes down a new phone number of Åsa Åberg", &|tx| {
        tx.table("customer")?.update("ABERG", row! { phone: "+46 8 465 004 77" })
    })?;
    did("shop", "writes down that she moved to Uppsala", &|tx| {
        tx.table("customer")?.update("ABERG", row! { street: "Kungsgatan 8", zip: "753 21", city: "Uppsala" })
    })?;
    did("shop", "sets the price of the small bone folder to 8.50", &|tx| {
        tx.table("product")?.update("BONEF-1", row! { price: 850 })
    })?;
    did("van", "sets the same price to 8.20", &|tx| {
        tx.table("product")?.update("BONEF-1", row! { price: 820 })
    })?;
    did("office", "deletes the customer Nigel D'Arcy", &|tx| tx.table("customer")?.delete("DARCY2"))?;
    did("van", "corrects his mail address", &|tx| {
        tx.table("customer")?.update("DARCY2", row! { email: "nigel@darcy.example" })
    })?;
    did("office", "adds a customer, the Newton Bindery, with the code NEWTO", &|tx| {
        let newton = row! { code: "NEWTO", name: "Newton Bindery", city: "Bath", country: "GB" };
        tx.table("customer")?.insert(newton).map(|_| ())
    })?;
    did("van", "adds another one, Olive Newton, with the same code NEWTO", &|tx| {
        let olive = row! { code: "NEWTO", name: "Olive Newton", city: "Boston, MA", country: "US" };
        tx.table("customer")?.insert(olive).map(|_| ())
    })?;
    did("shop", "deletes the customer Zoë Wren, who never ordered anything", &|tx| {
        tx.table("customer")?.delete("WREN3")
    })?;
    did("van", "takes her first order, of two bone folders", &|tx| {
        tx.table("orders")?.insert(row! { number: 10_501, customer: "WREN3" })?;
        let line = row! { order_number: 10_501, line: 1, product: "BONEF-1", quantity: 2 };
        tx.table("order_line")?.insert(line).map(|_| ())
    })?;
    stage.say("Nobody had to wait, and each replica kept to the rules of the schema by itself.")
}

fn reunite(world: &World, stage: &mut Stage<'_, '_>) -> anyhow::Result<()> {
    stage.act("They meet, two at a time")?;
    stage.say("Any two can sync, in any order, as often as they like. Nobody is in the middle.")?;
    stage.sync("office", "shop")?;
    stage.sync("shop", "van")?;
    stage.sync("van", "office")?;
    let rows = world.compare()?;
    stage.say(&format!(
        "All three hold the same {rows} rows and the same conflicts: just compared, one by one."
    ))
}

fn show_rows(stage: &mut Stage<'_, '_>) -> anyhow::Result<()> {
    stage.act("What is in the tables now")?;
    stage.say("Åsa Åberg has both her new number and her new address: different columns do not clash.")?;
    stage.rows("customer", &["ABERG"], &["name", "phone", "street", "city"])?;
    stage
        .say("\nOf two prices one has to win: on every replica it is the later one. Prices are in cents.")?;
    stage.rows("product", &["BONEF-1"], &["name", "price"])?;
    stage.say("\nA code stands for one customer: the first who took it. Who was deleted stays deleted.")?;
    stage.rows("customer", &["NEWTO", "DARCY2", "WREN3"], &["name", "email", "city"])?;
    stage.say(
        "\nAn order needs its customer. Zoë Wren is gone, so her order is parked: kept, but not shown.",
    )?;
    stage.rows("orders", &["10501"], &["customer"])
}

fn show_conflicts(world: &World, stage: &mut Stage<'_, '_>) -> anyhow::Result<()> {
    stage.act("What is in the conflict tables")?;
    stage.say("What lost is not gone: every replica lists it, with what won and who was behind it.")?;
    for replica in REPLICAS {
        stage.conflicts(replica)?;
    }
    world.compare()?;
    stage.say("\nThe three lists are the same, ids included. In words:")?;
    stage.kinds(&world.conflicts("van")?)
}

fn settle(world: &World, stage: &mut Stage<'_, '_>) -> anyhow::Result<()> {
    stage.act("One decision, made once")?;
    let find = |kind: Kind| -> anyhow::Result<_> {
        let mut conflicts = world.conflicts("shop")?.into_iter();
        conflicts
            .find(|conflict| conflict.kind == kind)
            .with_context(|| format!("no {} conflict", kind.name()))
    };
    let clash = find(Kind::Unique)?;
    stage.say("Both Newtons are customers. The shop gives the parked one a code of its own:")?;
    world.write("shop", |tx| tx.resolve(clash.id, ResolveWith::Rename(row! { code: "NEWTO2" })))?;
    stage.did("shop", &format!("resolve {} rename {{\"code\":\"NEWTO2\"}}", stage::short(clash.id)))?;
    stage.say("That is a change like any other, and travels like any other:")?;
    stage.sync("shop", "van")?;
    stage.sync("van", "office")?;
    for replica in REPLICAS {
        let left = world.conflicts(replica)?;
        ensure!(left.iter().all(|conflict| conflict.id != clash.id), "{replica} still lists the conflict");
        let left = count(left.len() as u64, "conflict");
        stage.did(replica, &format!("lists {left}, and not {} any more", stage::short(clash.id)))?;
    }
    world.compare()?;
    stage.rows("customer", &["NEWTO", "NEWTO2"], &["name", "city"])
}
