//! The headers that exports usually have, and that each is one format's alone.
use super::ALL;
use crate::{domain::snapshot::Source, sources::header::normalise};

const MAILBOX: &str = "Id,Title,FirstName,LastName,DisplayName,MailboxType,MailboxLocation,User Policy Name,Status,\
    EmailAddress,Telephone,Mobile,Pager,Fax,Department,JobTitle,Notes,Mailbox Size (GB),CreatedOn,LastUpdated,LastLogIn,\
    UpdatedBy,UserPrincipalName,ODS Code,OrganisationName,OrganisationUnitName,Name of the Parent Organisation,\
    ExternalSyncId,AUPStatus,MarkAsLeaverDate,SiteName,Role,WorkArea,ClinicalSpeciality,DaysUntilRemoval,AccountType,\
    HideFromAddressList,User Mailbox Usage (Bytes),User Mailbox Usage (GB),User Dumpster Usage (Bytes),\
    User Dumpster Usage (GB),MSLiveEventsEnabled";
const USAGE: &str = "Report Refresh Date,User Principal Name,Display Name,Is Deleted,Deleted Date,Created Date,\
    Last Activity Date,Item Count,Storage Used (Byte),Issue Warning Quota (Byte),Prohibit Send Quota (Byte),\
    Prohibit Send/Receive Quota (Byte),Deleted Item Count,Deleted Item Size (Byte)";

/// One header or more for each source that a table can be of.
fn usual() -> Vec<(Source, String)> {
    let header = |source, names: &str| (source, names.to_owned());
    vec![
        header(Source::PortalMailbox, MAILBOX),
        (Source::PortalMailbox, format!("{MAILBOX},MFAStatus")),
        header(
            Source::PortalMfa,
            "EmailAddress,OrganisationName,ODSCode,MFAStatus,MFAAuthenticationType,CompromisedStatus,WhenCompromised,\
             WhenRemediated,LastMarkedAsCompromised,LastRemediatedBy,UserCompromisedTally",
        ),
        header(
            Source::EmailActivity,
            "Report Refresh Date,User Principal Name,Display Name,Is Deleted,Deleted Date,Last Activity Date,Send Count,\
             Receive Count,Read Count,Meeting Created Count,Meeting Interacted Count,Assigned Products,Report Period",
        ),
        (Source::MailboxUsage, format!("{USAGE},Report Period")),
        (Source::MailboxUsage, format!("{USAGE},Deleted Item Quota (Byte),Has Archive,Recipient Type,Report Period")),
        header(
            Source::ActiveUsers,
            "Report Refresh Date,User Principal Name,Display Name,Is Deleted,Deleted Date,Has Exchange License,\
             Exchange Last Activity Date,OneDrive Last Activity Date,SharePoint Last Activity Date,\
             Skype For Business Last Activity Date,Yammer Last Activity Date,Teams Last Activity Date,Assigned Products",
        ),
        header(
            Source::AppUsers,
            "Report Refresh Date,User Principal Name,Last Activation Date,Last Activity Date,Report Period,Windows,Mac,\
             Mobile,Web,Outlook,Word,Excel,PowerPoint,OneNote,Teams,Outlook (Windows),Word (Windows)",
        ),
        header(
            Source::SiteContacts,
            "ods_code,sector,site_name,shared_mailbox,address,role,alternate_address,administered_by",
        ),
        header(
            Source::Canonical,
            "source,as_of,id,address,upn,display_name,kind,status,ods,org_name,unit,parent,created_at,last_activity_at,\
             last_sent_at,last_password_change_at,password_never_expires,leaver_at,deleted_at,enabled,aup_accepted,mfa,\
             mobile_state,removal_in_days",
        ),
        header(Source::Sends, "Received,SenderAddress,RecipientAddress,Subject,Status"),
        header(Source::Sends, "Sent Time,Sent By,Sent From,Subject,Operation,Result,More Info"),
        header(Source::Sends, "Identity,FolderType,NewestItemReceivedDate,ItemsInFolder"),
    ]
}

#[test]
fn every_usual_header_is_one_formats_alone() {
    for (source, header) in usual() {
        let keys: Vec<_> = header.split(',').map(normalise).collect();
        let has = |key: &str| keys.iter().any(|other| other == key);
        let takers: Vec<_> =
            ALL.iter().filter(|format| (format.recognises)(&has)).map(|format| format.source).collect();
        assert_eq!(takers, [source], "{header}");
    }
}

#[test]
fn every_format_has_a_usual_header() {
    for format in ALL {
        assert!(usual().iter().any(|(source, _)| *source == format.source), "{:?} has none", format.source);
    }
}
